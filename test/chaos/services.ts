import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { ROOT } from '../support/node-process';
import { type Proxy, startProxy } from '../support/proxy';
import { freePort } from '../support/servers';
import type { Checker, FleetNode } from './fleet';

/** A service that follows a node, through all its lives. */
export interface Service extends Checker {
  /** The node that its wire leads to while nothing is wrong. */
  readonly home: FleetNode;
  /** Its only way to the nodes: it follows, reads keys and introspects over it. */
  readonly wire: Proxy;
  /** How many checks each source has answered, over all its lives. */
  readonly checks: ReadonlyMap<string, number>;
  signal(name: NodeJS.Signals): void;
  /** Ends it with this signal and waits for the end. */
  end(signal: NodeJS.Signals): Promise<void>;
  start(): Promise<void>;
  /** What its guard says of itself. */
  status(): Promise<{ readonly view: string; readonly node?: string }>;
}

export interface ServiceOptions {
  readonly name: string;
  readonly home: FleetNode;
  readonly issuer: string;
  readonly secret: string;
  /** Returns the address from which it connects next. */
  readonly address: () => string;
}

const PROGRAM = join(ROOT, 'test/chaos/service.mjs');

/** The characters kept from its log. */
const LOG_KEPT = 20_000;

// If a test fails before it ends its service, or the run is ended.
const running = new Set<ReturnType<typeof spawn>>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

export async function createService({
  name,
  home,
  issuer,
  secret,
  address,
}: ServiceOptions): Promise<Service> {
  const wire = await startProxy(home.url, address);
  // The same port over all its lives, so that clients try it while it is down.
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const checks = new Map<string, number>();
  const guard = { issuer, audience: 'api', secret, server: wire.url.replace(/\/$/, '') };
  let child: ReturnType<typeof spawn> | undefined;
  let ended: Promise<void> = Promise.resolve();
  let log = '';
  const keep = (text: string) => (log = (log + text).slice(-LOG_KEPT));

  const hear = (message: unknown) => {
    if (typeof message !== 'object' || message === null) return;
    for (const [source, count] of Object.entries(message as Record<string, number>))
      checks.set(source, (checks.get(source) ?? 0) + count);
  };
  const start = async () => {
    const started = spawn(process.execPath, [PROGRAM, JSON.stringify({ port, guard })], {
      env: { PATH: process.env.PATH },
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    child = started;
    running.add(started);
    started.stderr?.on('data', (text: Buffer) => keep(text.toString()));
    started.on('message', hear);
    ended = new Promise((resolve) =>
      started.once('exit', () => {
        running.delete(started);
        resolve();
      }),
    );
    await new Promise<void>((resolve, reject) => {
      started.once('message', () => resolve());
      void ended.then(() => reject(new Error(`The ${name} ended before it was ready:\n${log}`)));
    });
  };

  return {
    kind: 'service',
    name,
    url,
    home,
    wire,
    checks,
    signal: (signal) => void child?.kill(signal),
    async end(signal) {
      child?.kill(signal);
      await ended;
      keep(`--- ended by ${signal} ---\n`);
    },
    start,
    status: async () => (await (await fetch(`${url}/status`)).json()) as { view: string; node?: string },
    lastLines: (count) => log.trimEnd().split('\n').slice(-count),
  };
}
