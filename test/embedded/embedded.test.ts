import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { newEmbeddedFolder } from '../support/embedded-folder';
import { listen } from '../support/listen';
import { type NodeProcess, startNodeProcess } from '../support/node-process';
import { type Env, TEST_ENV } from '../support/world';

let folder: string;
const running: NodeProcess[] = [];

const start = async (env: Env = {}) => {
  const node = await startNodeProcess({
    SECRET: undefined,
    ADMIN_EMAIL: undefined,
    ADMIN_PASSWORD: undefined,
    DATA_DIR: join(folder, 'data'),
    ...env,
  });
  running.push(node);
  return node;
};

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tokenfence-embedded-'));
});
afterEach(async () => {
  for (const node of running.splice(0)) {
    node.signal('SIGKILL');
    await node.ended;
  }
  await rm(folder, { recursive: true, force: true });
});

const passwordIn = (output: string) => /password {2}(\S+)/.exec(output)?.[1] ?? '';

test('without settings it starts, describes itself, and shows its administrator’s password once', async () => {
  const node = await start();
  const text = node.output();
  expect(text).toContain(`is ready at ${node.url}/graphql`);
  expect(text).toContain('This is the embedded mode');
  expect(text).toContain('curl');
  const password = passwordIn(text);
  const admin = await node.api.login('admin@example.com', password);
  expect(
    (await node.api.send('{ users { edges { node { role } } } }', {}, admin.accessToken)).data.users.edges,
  ).toHaveLength(1);
  expect(await (await fetch(`${node.url}/readyz`)).json()).toEqual({
    status: 'ready',
    degraded: [],
    view: 'current',
  });

  const secrets = ['secret', 'introspection-secret'].map((name) => join(folder, 'data', name));
  for (const secret of secrets) {
    expect((await stat(secret)).mode & 0o777).toBe(0o600);
    expect((await readFile(secret, 'utf8')).trim().length).toBeGreaterThanOrEqual(43);
  }
  expect(text).toContain(`export INTROSPECTION_SECRET=$(cat "${secrets[1]}")`);
  const forServices = await readFile(secrets[1]!, 'utf8');
  expect(text).not.toContain(forServices.trim());

  node.signal('SIGTERM');
  expect(await node.ended).toBe(0);
  const again = await start();
  const introspection = await fetch(`${again.url}/oauth/introspect`, {
    method: 'POST',
    headers: { authorization: `Bearer ${forServices.trim()}` },
    body: new URLSearchParams({ token: admin.accessToken }),
  });
  expect(await introspection.json()).toMatchObject({ active: true });
  expect(again.output()).not.toContain('password  ');
  await again.api.login('admin@example.com', password);
});

test('a start that fails loses no password', async () => {
  const blocker = createServer();
  const { port } = new URL(await listen(blocker));
  const prepared = await newEmbeddedFolder();
  const DATA_DIR = prepared.path;
  await expect(start({ PORT: port, DATA_DIR })).rejects.toThrow(
    /Cannot listen on 127.0.0.1, port \d+: another process/,
  );
  blocker.close();
  const node = await start({ DATA_DIR });
  await node.api.login('admin@example.com', passwordIn(node.output()));
  node.signal('SIGKILL');
  await node.ended;
  await prepared.remove();
});

test('an unreachable Postgres is named in a sentence, without a stack', async () => {
  const failed = start({ DATABASE_URL: 'postgres://nobody:hunter2@127.0.0.1:1/x', SECRET: TEST_ENV.SECRET });
  await expect(failed).rejects.toThrow(
    /Postgres cannot be used: connect ECONNREFUSED 127.0.0.1:1. Check DATABASE_URL/,
  );
  await expect(failed).rejects.not.toThrow(/hunter2|node_modules| {4}at /);
});

test('wrong settings stop the start, and all of them are named', async () => {
  await expect(start({ PORT: 'x', ACCESS_TOKEN_TTL: 'soon', LOG_LEVEL: 'loud' })).rejects.toThrow(
    /PORT is "x"[^]*LOG_LEVEL is "loud"[^]*ACCESS_TOKEN_TTL is "soon"/,
  );
});
