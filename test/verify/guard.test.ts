import { type ChildProcess, spawn } from 'node:child_process';
import { connect } from 'node:net';
import { join } from 'node:path';
import { eventually } from '../support/eventually';
import { FOLLOW_SECRET } from '../support/followers';
import { ROOT } from '../support/node-process';
import { freePort } from '../support/servers';
import { sharedNodes, sharedWorld } from '../support/shared';
import type { Env } from '../support/world';

const world = sharedWorld();
const [node] = sharedNodes(world, { INTROSPECTION_SECRET: FOLLOW_SECRET });

const started = new Set<ChildProcess>();
afterAll(() => {
  for (const child of started) child.kill('SIGKILL');
});

/** Starts the built `tokenfence guard`. */
async function startGuard(env: Env) {
  const port = await freePort();
  const child = spawn(process.execPath, [join(ROOT, 'dist/src/main.js'), 'guard'], {
    env: { PATH: process.env.PATH, PORT: String(port), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  started.add(child);
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (text: Buffer) => (output += text.toString()));
  const ended = new Promise((resolve) => child.once('exit', (code, signal) => resolve(code ?? signal)));
  return {
    url: `http://127.0.0.1:${port}`,
    signal: (name: NodeJS.Signals) => child.kill(name),
    ended,
    output: () => output,
  };
}

type GuardProcess = Awaited<ReturnType<typeof startGuard>>;
let guard: GuardProcess;
const readiness = async () => {
  const answer = await fetch(`${guard.url}/readyz`);
  return [answer.status, await answer.json()];
};
beforeAll(async () => {
  guard = await startGuard({
    SERVER_URL: node.url,
    INTROSPECTION_SECRET: FOLLOW_SECRET,
    SHUTDOWN_DELAY: '5m',
  });
});

test('a guard is ready when its view is current', async () => {
  await eventually(async () => expect(await readiness()).toMatchObject([200, { view: 'current' }]), 30_000);
});

/** The doors: each must say the same. */
const doors = () => [guard.url, node.url];
const check = async (door: string, token: string, query = '') => {
  const answer = await fetch(`${door}/verify${query}`, { headers: { authorization: `Bearer ${token}` } });
  const { error } = (await answer.json().catch(() => ({}))) as { error?: { reason?: string } };
  return { status: answer.status, reason: error?.reason, user: answer.headers.get('x-auth-user-id') };
};

test('a guard and a node say the same of a token, a role and a forgery', async () => {
  const { accessToken, user } = await node.api.register('ada@example.com');
  for (const door of doors()) {
    expect(await check(door, accessToken)).toEqual({ status: 200, reason: undefined, user: user.id });
    expect(await check(door, accessToken, '?role=USER&maxAge=600')).toMatchObject({ status: 200 });
    expect(await check(door, accessToken, '?role=ADMIN')).toMatchObject({ status: 403, user: null });
    expect(await check(door, accessToken, '?rol=ADMIN')).toMatchObject({ status: 400 });
    for (const forged of [`${accessToken}x`, `${accessToken}, ${accessToken}`, `${accessToken} `, 'a.b.c'])
      expect([forged, await check(door, forged)]).toMatchObject([
        forged,
        { status: forged.endsWith(' ') ? 200 : 401 },
      ]);
  }
});

test('a token is refused at the first request after its confirmed logout', async () => {
  for (let round = 0; round < 10; round += 1) {
    const { accessToken } = await node.api.register(`round${round}@example.com`);
    for (const door of doors()) expect(await check(door, accessToken)).toMatchObject({ status: 200 });
    const receipt = await node.api.send('mutation { logoutEverywhere { confirmed } }', {}, accessToken);
    expect(receipt.data).toEqual({ logoutEverywhere: { confirmed: true } });
    for (const door of doors())
      expect(await check(door, accessToken)).toMatchObject({
        status: 401,
        reason: 'TOKEN_REVOKED',
        user: null,
      });
  }
});

test('a node answers every form of a check as a guard does, and logs none', async () => {
  const { accessToken } = await node.api.register('forms@example.com');
  const bearer = `Host: x\r\nAuthorization: Bearer ${accessToken}\r\n`;
  const last = 'GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n';
  const statuses = (bytes: string) =>
    new Promise<number[]>((resolve) => {
      let text = '';
      const connection = connect(Number(new URL(node.url).port), '127.0.0.1', () => connection.write(bytes));
      connection.on('data', (data) => (text += data.toString()));
      connection.on('error', () => undefined);
      connection.on('close', () =>
        resolve([...text.matchAll(/HTTP\/1\.1 (\d+) /g)].map(([, status]) => Number(status))),
      );
    });
  const upgrade = 'Connection: Upgrade\r\nUpgrade: websocket\r\n';
  expect(await statuses(`GET /verify HTTP/1.1\r\n${bearer}${upgrade}\r\n${last}`)).toEqual([200, 200]);
  expect(
    await statuses(
      `GET /verify HTTP/1.1\r\n${bearer}\r\nGET /verify?role=ADMIN HTTP/1.1\r\n${bearer}\r\n${last}`,
    ),
  ).toEqual([200, 403, 200]);
  expect(await statuses(`POST /verify HTTP/1.1\r\n${bearer}Content-Length: 1000000\r\n\r\n`)).toEqual([200]);
  expect(await statuses(`GET /verify HTTP/1.1\r\n${bearer}Authorization: Bearer x\r\n\r\n${last}`)).toEqual([
    401, 200,
  ]);
  for (const target of ['/verif%79', '/verify/', '//verify', 'http://x/verify', '/%76erify?role=ADMIN'])
    expect([target, await statuses(`GET ${target} HTTP/1.1\r\n${bearer}\r\n${last}`)]).toEqual([
      target,
      [404, 200],
    ]);
  expect(node.log.filter((line) => line.includes('"path":"/verify"'))).toEqual([]);
});

test('a guard that stops says so first, serves on, and gives its lease back', async () => {
  const { accessToken } = await node.api.register('stop@example.com');
  guard.signal('SIGTERM');
  await eventually(async () =>
    expect(await readiness()).toEqual([503, { status: 'unready', reasons: ['the guard is stopping'] }]),
  );
  expect(await check(guard.url, accessToken)).toMatchObject({ status: 200 });
  // The second one ends the delay.
  guard.signal('SIGTERM');
  expect(await guard.ended).toBe(0);
  const metrics = await (await fetch(`${node.url}/metrics`)).text();
  expect(metrics).toMatch(/^tokenfence_followers 0$/m);
  expect(metrics).not.toMatch(/tokenfence_followers_dropped_total\{/);
});

test('without a node, a guard accepts nothing, and says why it is not ready', async () => {
  const alone = await startGuard({
    SERVER_URL: `http://127.0.0.1:${await freePort()}`,
    INTROSPECTION_SECRET: FOLLOW_SECRET,
  });
  guard = alone;
  await eventually(
    async () =>
      expect(await readiness()).toMatchObject([
        503,
        {
          degraded: ['node'],
          reasons: ['no signing key is known', 'nothing can tell whether a token was revoked'],
        },
      ]),
    30_000,
  );
  const { accessToken } = await node.api.register('away@example.com');
  expect(await check(alone.url, accessToken)).toEqual({ status: 503, reason: undefined, user: null });
  alone.signal('SIGINT');
  expect(await alone.ended).toBe(0);
});

test('a guard with faults in its settings ends with 1 and a sentence for each', async () => {
  const faulty = await startGuard({ REDIS_URL: 'redis://127.0.0.1', VIEW: 'maybe' });
  expect(await faulty.ended).toBe(1);
  expect(faulty.output()).toBe(
    'The guard did not start.\nInvalid configuration:\n' +
      '  - VIEW is "maybe". It must be one of on, off.\n' +
      '  - JWKS_URL is missing: use the URL of the key set.\n',
  );
});
