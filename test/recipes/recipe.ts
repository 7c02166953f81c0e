import { once } from 'node:events';
import { cpSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT } from '../support/node-process';
import { listen } from '../support/listen';
import { programOf } from '../support/programs';
import { launch, type TestServer } from '../support/server-process';
import { freePort } from '../support/servers';
import type { Env } from '../support/world';

const RECIPES = join(ROOT, 'examples/proxies');

/** The ports that the recipes name. */
const PORTS = { proxy: '8080', guard: '4010', service: '4020' };

/** What reached the service, as it answers it. */
export interface Seen {
  readonly method: string;
  readonly path: string;
  readonly user: { userId: string; sessionId: string; tokenId: string; role: string } | null;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly bodyLength: number;
}

export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
  /** What reached the service, if it answered with 200. */
  readonly seen: Seen;
}

export interface Question {
  readonly method?: string;
  readonly path?: string;
  /** Names and values in turn, sent as they are. */
  readonly headers?: readonly string[];
  readonly body?: Buffer;
}

/** Asks on a connection of its own. The path is sent as it is. */
export async function ask(
  url: string,
  { method = 'GET', path = '/', headers = [], body }: Question,
): Promise<Reply> {
  const { hostname, port, host } = new URL(url);
  const isChunked = headers.includes('Transfer-Encoding');
  const length = body && !isChunked ? ['Content-Length', `${body.length}`] : [];
  const sent = request({
    ...{ hostname, port, method, path, agent: false },
    headers: ['Host', host, ...headers, ...length],
  });
  // A proxy that refuses may close before it has read the body.
  sent.on('error', () => undefined);
  sent.end(body);
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  let text = '';
  for await (const part of response) text += String(part);
  const seen = response.statusCode === 200 ? (JSON.parse(text) as Seen) : undefined;
  return { status: response.statusCode ?? 0, headers: response.headers, text, seen: seen as Seen };
}

/** Asks for an upgrade, and returns the status of the answer. */
export async function upgrade(url: string, { path = '/', headers = [] }: Question): Promise<number> {
  const { hostname, port, host } = new URL(url);
  const sent = request({ hostname, port, path, agent: false, headers: ['Host', host, ...headers] });
  sent.end();
  return new Promise((resolve, reject) => {
    sent.on('error', reject);
    sent.on('response', (response) => {
      response.destroy();
      resolve(response.statusCode ?? 0);
    });
    sent.on('upgrade', (response, socket) => {
      socket.destroy();
      resolve(response.statusCode ?? 0);
    });
  });
}

/** Sends raw bytes on one connection, and returns everything that comes until it closes. */
export async function sendRaw(url: string, text: string): Promise<string> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.on('error', () => undefined);
  socket.write(text, 'latin1');
  let answer = '';
  for await (const part of socket) answer += String(part);
  return answer;
}

/** A wire to the guard that remembers what it carries. */
export interface Tap {
  readonly url: string;
  /** The number of connections so far. */
  readonly connections: number;
  /** Everything that the guard was sent. */
  readonly sent: string;
  close(): Promise<void>;
}

export async function startTap(target: string): Promise<Tap> {
  const { hostname, port } = new URL(target);
  const sockets = new Set<Socket>();
  const state = { connections: 0, sent: '' };
  const server = createServer((near) => {
    state.connections += 1;
    const far = connect(Number(port), hostname);
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from);
      from.on('error', () => undefined);
      from.on('close', () => {
        sockets.delete(from);
        to.destroy();
      });
      from.pipe(to);
    }
    near.on('data', (data) => (state.sent += data.toString('latin1')));
  });
  return Object.defineProperties(
    {
      url: await listen(server),
      async close() {
        for (const socket of sockets) socket.destroy();
        await new Promise((resolve) => server.close(resolve));
      },
    },
    {
      connections: { get: () => state.connections },
      sent: { get: () => state.sent },
    },
  ) as Tap;
}

const answersAt = (url: string, path: string) => async () => {
  await fetch(`${url}${path}`, { signal: AbortSignal.timeout(1000) });
};

/** Copies the recipes as they are, with other ports. */
function copyRecipes(ports: Record<keyof typeof PORTS, string>): string {
  const folder = mkdtempSync(join(tmpdir(), 'tokenfence-recipe-'));
  cpSync(RECIPES, folder, { recursive: true });
  for (const name of readdirSync(folder)) {
    let text = readFileSync(join(folder, name), 'utf8');
    for (const [what, port] of Object.entries(PORTS))
      text = text.replaceAll(`:${port}`, `:${ports[what as keyof typeof PORTS]}`);
    writeFileSync(join(folder, name), text);
  }
  return folder;
}

const ARGUMENTS = {
  // One process, so that it ends with its test.
  nginx: (folder: string) => ['-p', folder, '-c', join(folder, 'nginx.conf'), '-g', 'master_process off;'],
  caddy: (folder: string) => ['run', '--config', join(folder, 'Caddyfile'), '--adapter', 'caddyfile'],
};
export type ProxyName = keyof typeof ARGUMENTS;

/** Starts the proxy of a recipe in front of a service. */
export async function startRecipe(name: ProxyName, guard: string, service: string): Promise<TestServer> {
  const port = String(await freePort());
  const folder = copyRecipes({ proxy: port, guard: new URL(guard).port, service: new URL(service).port });
  const url = `http://127.0.0.1:${port}`;
  return launch({
    program: programOf(name),
    args: ARGUMENTS[name](folder),
    // Caddy writes into its home.
    env: { PATH: process.env.PATH, HOME: folder },
    folder,
    url,
    answers: answersAt(url, '/public/'),
  });
}

/** Starts the service of the recipes. */
export async function startService(guard: string): Promise<TestServer> {
  const port = String(await freePort());
  const url = `http://127.0.0.1:${port}`;
  return launch({
    program: programOf('python3'),
    args: [join(RECIPES, 'service.py')],
    env: { PATH: process.env.PATH, PORT: port, GUARD: new URL(guard).host },
    folder: mkdtempSync(join(tmpdir(), 'tokenfence-recipe-')),
    url,
    answers: answersAt(url, '/public/'),
  });
}

/** Starts `tokenfence guard` in a process of its own. */
export async function startGuardProcess(env: Env): Promise<TestServer> {
  const port = String(await freePort());
  const url = `http://127.0.0.1:${port}`;
  return launch({
    program: process.execPath,
    args: [join(ROOT, 'dist/src/main.js'), 'guard'],
    env: { PATH: process.env.PATH, PORT: port, SHUTDOWN_DELAY: '0s', ...env },
    folder: mkdtempSync(join(tmpdir(), 'tokenfence-guard-')),
    url,
    async answers() {
      const { status } = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(1000) });
      if (status !== 200) throw new Error(`It is not ready: ${status}.`);
    },
  });
}
