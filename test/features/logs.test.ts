import { spawn } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readConfig } from '../../src/config/read-config';
import { shownSettings } from '../../src/config/shown-settings';
import { introspectionSecretOf } from '../../src/server/database';
import { startText } from '../../src/server/start-text';
import { eventually } from '../support/eventually';
import { freePort } from '../support/servers';
import { ADMIN } from '../support/api';
import { createWorld, TEST_ENV, type TestNode } from '../support/world';
import { sharedNodes, sharedWorld } from '../support/shared';
import { worldMaker } from '../support/world-maker';

const newWorld = worldMaker(createWorld);
const world = sharedWorld(() => createWorld({ redis: null }));
const [node] = sharedNodes(world, { INTROSPECTION_SECRET: 'only for tests: 9cKq3uTz5wQe8rYb1m' });

const linesOf = (of: TestNode, requestId: string | null) =>
  of.log
    .map((line) => JSON.parse(line) as Record<string, unknown>)
    .filter((line) => line.requestId === requestId);

/** Waits for the one line of a request, which may come after its answer. */
const lineOf = (of: TestNode, requestId: string | null) =>
  eventually(() => {
    const lines = linesOf(of, requestId);
    expect(lines).toHaveLength(1);
    return lines[0]!;
  });

test('a request has one line: its operation, its user and its result', async () => {
  const { accessToken, user } = await node.api.register('logs@example.com');
  const me = await node.api.send('query Mine { mine: me { id } }', {}, accessToken);
  const line = await lineOf(node, me.headers.get('x-request-id'));
  expect(line).toEqual({
    level: 30,
    time: expect.any(String),
    requestId: me.headers.get('x-request-id'),
    method: 'POST',
    path: '/graphql',
    operation: 'me',
    status: 200,
    ms: expect.any(Number),
    userId: user.id,
    ip: '127.0.0.1',
    msg: 'Request.',
  });
  expect(JSON.stringify(line).length).toBeLessThan(354);

  const refused = await node.api.send('{ users { edges { node { id } } } me { id } }', {}, accessToken);
  expect(await lineOf(node, refused.headers.get('x-request-id'))).toMatchObject({
    operation: 'users,me',
    code: 'FORBIDDEN',
    status: 403,
  });
});

test('no name, path, query or value made up by a client is in the log', async () => {
  const secret = 'NeverInTheLog';
  const answers = [
    await node.api.send(`query ${secret} { ${secret}: me { id } }`),
    await node.api.send(`{ ${secret} }`),
    await node.api.send(`{ me { id ${secret}`),
    await node.api.send(`query($${secret}: Int!) { me { id } }`, { [secret]: secret }),
    await fetch(`${node.url}/${secret}?x=${secret}`, { headers: { 'user-agent': secret } }),
  ];
  for (const { headers } of answers)
    expect(JSON.stringify(await lineOf(node, headers.get('x-request-id')))).not.toContain(secret);
});

test('probes and scrapes are not logged', async () => {
  const ids = [];
  for (const path of ['/healthz', '/readyz', '/metrics'])
    ids.push((await fetch(node.url + path)).headers.get('x-request-id'));
  const last = await fetch(`${node.url}/.well-known/jwks.json`);
  await lineOf(node, last.headers.get('x-request-id'));
  expect(ids.flatMap((id) => linesOf(node, id))).toEqual([]);
});

test.each([
  ['errors', 1],
  ['off', 0],
  ['0%', 1],
])(
  'with LOG_REQUESTS=%s a successful request has no line, and a refused one has %i',
  async (setting, count) => {
    const quiet = await world.node({ LOG_REQUESTS: setting });
    await fetch(`${quiet.url}/.well-known/jwks.json`);
    const refused = await quiet.api.me('nonsense');
    // This answer comes after any line of the request before.
    await quiet.api.send('{ __typename }');
    const lines = quiet.log.filter((line) => line.includes('"msg":"Request."'));
    expect(lines).toHaveLength(count);
    expect(linesOf(quiet, refused.headers.get('x-request-id'))).toHaveLength(count);
  },
);

test('the id of an unexpected error leads to its stack and the line of its request', async () => {
  const own = await newWorld({ redis: null });
  const broken = await own.node();
  const { accessToken } = await broken.api.loginAsAdmin();
  await own.sql('alter table audit_events rename to mislaid');
  const answer = await broken.api.send('{ auditEvents { edges { node { id } } } }', {}, accessToken);
  const requestId = answer.errors?.[0]?.extensions.requestId as string;
  await eventually(() => {
    const [error, request, ...others] = linesOf(broken, requestId);
    expect(error).toMatchObject({ level: 50, err: { code: '42P01', stack: expect.any(String) } });
    expect(request).toMatchObject({ operation: 'auditEvents', code: 'INTERNAL_SERVER_ERROR', status: 500 });
    expect(others).toEqual([]);
  });
});

test('the logged settings hold no secret and no address of a store', () => {
  const config = readConfig({
    ...TEST_ENV,
    DATABASE_URL: 'postgres://someone:hunter2@db.example.com/x',
    REDIS_URL: 'redis://:hunter3@cache.example.com',
    INTROSPECTION_SECRET: 'only for tests: 9cKq3uTz5wQe8rYb1m',
  });
  const shown = shownSettings(config);
  expect(shown).toMatchObject({ store: 'servers', redis: true, introspection: true, revocationLease: 1000 });
  const text = JSON.stringify(shown);
  for (const secret of ['hunter', 'example.com', 'only for tests', ADMIN.password])
    expect(text).not.toContain(secret);
});

test('a later start of the embedded mode suggests another account than the first', () => {
  const config = readConfig({ PORT: '0' });
  const server = {
    url: 'http://127.0.0.1:4000',
    announceStop: () => undefined,
    close: () => Promise.resolve(),
  };
  const first = startText(config, {
    ...server,
    madeAdministrator: { email: 'a@example.com', password: 'x' },
  });
  expect(first).toContain('\\"ada@example.com\\"');
  expect(startText(config, server)).toMatch(/\\"ada-[0-9a-f]{6}@example\.com\\"/);
});

test.each([
  ['outside production', {}, true],
  ['not in production', { NODE_ENV: 'production', DATABASE_URL: 'embedded' }, false],
  ['not if one is set', { INTROSPECTION_SECRET: 'only for tests: 9cKq3uTz5wQe8rYb1m' }, false],
])('the embedded mode makes a secret for services: %s', async (_when, env, makesOne) => {
  const folder = await mkdtemp(join(tmpdir(), 'tokenfence-secret-'));
  const config = readConfig({ DATA_DIR: folder, ...env });
  const secret = await introspectionSecretOf(config);
  expect(await readdir(folder)).toEqual(makesOne ? ['introspection-secret'] : []);
  expect(secret).toEqual(makesOne ? expect.stringMatching(/^[\w-]{43}$/) : config.introspectionSecret);
  expect(await introspectionSecretOf(config)).toBe(secret);
  const server = { announceStop: () => undefined, close: () => Promise.resolve() };
  const text = startText(config, { ...server, url: 'http://127.0.0.1:4001' });
  expect(text.includes("issuer: 'http://localhost:4000', server: 'http://127.0.0.1:4001'")).toBe(makesOne);
  await rm(folder, { recursive: true });
});

test('the server starts and serves although standard output and standard error close', async () => {
  const port = await freePort();
  const program = join(__dirname, '../../dist/src/main.js');
  // Both are pipes whose reader has ended.
  const child = spawn('bash', ['-c', `exec "$0" "${program}" > >(true) 2>&1`, process.execPath], {
    env: { PATH: process.env.PATH, ...TEST_ENV, DATABASE_URL: world.databaseUrl, PORT: `${port}` },
    stdio: 'ignore',
  });
  try {
    await eventually(async () => expect((await fetch(`http://127.0.0.1:${port}/readyz`)).status).toBe(200));
    const alive = await fetch(`http://127.0.0.1:${port}/graphql?query={__typename}`);
    expect([child.exitCode, child.signalCode, alive.status]).toEqual([null, null, 400]);
  } finally {
    child.kill('SIGKILL');
  }
});

test('every line on standard output is JSON, and the first has version and settings', async () => {
  const child = spawn(process.execPath, [join(__dirname, '../../dist/src/main.js')], {
    env: { PATH: process.env.PATH, ...TEST_ENV, DATABASE_URL: world.databaseUrl },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  let errors = '';
  child.stdout.on('data', (text: Buffer) => (output += text.toString()));
  child.stderr.on('data', (text: Buffer) => (errors += text.toString()));
  const ended = new Promise((resolve) => child.once('close', resolve));
  await eventually(() => expect(output).toContain('is ready at'));
  child.kill('SIGTERM');
  expect(await ended).toBe(0);
  const lines = output
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(lines[0]).toMatchObject({
    version: expect.stringMatching(/^\d+\.\d+\.\d+/),
    node: process.version,
    settings: { store: 'servers', redis: false },
  });
  expect(errors).toBe('');
});
