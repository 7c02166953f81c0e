import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Api, type Tokens } from '../support/api';
import { eventually } from '../support/eventually';
import { freePort } from '../support/servers';
import { createWorld, type Env, type TestNode, type World } from '../support/world';
import { EXAMPLES, type ExampleProcess, startExample } from './example-process';
import { askGraphql } from './ask';

const INTROSPECTION_SECRET = 'only for tests: 4Rk8wQz1Lm6Xv3Tp9Yb2';
const password = 'correct horse battery';

interface Seen {
  readonly outcomes: string[];
  readonly refreshes: number;
  readonly ended: number;
}

let world: World;
let auth: TestNode;
let authEnv: Env;
let api: Api;
let service: ExampleProcess;
let urls: { AUTH_URL: string; API_URL: string };
let browser: ExampleProcess;
let root: Tokens;
let messages = 0;

beforeAll(async () => {
  world = await createWorld();
  const [authPort, port] = [String(await freePort()), String(await freePort())];
  urls = { AUTH_URL: `http://127.0.0.1:${authPort}`, API_URL: `http://127.0.0.1:${port}` };
  api = new Api(urls.AUTH_URL);
  authEnv = {
    PORT: authPort,
    ISSUER: urls.AUTH_URL,
    INTROSPECTION_SECRET,
    ACCESS_TOKEN_TTL: '3s',
  };
  auth = await world.node(authEnv);
  service = await startExample(join(EXAMPLES, 'apollo-service/service.mjs'), 'is ready at', {
    AUTH_URL: urls.AUTH_URL,
    INTROSPECTION_SECRET,
    REDIS_URL: world.redisUrl,
    PORT: port,
  });
  browser = await startExample(join(__dirname, 'browser.mjs'), 'is ready', urls);
});
beforeEach(async () => {
  await tell('open');
  root = await api.loginAsAdmin();
});
afterAll(async () => {
  await browser.stop();
  await service.stop();
  await world.close();
});

/** Sends the browser a command and resolves with its result. */
const tell = (command: string, argument: object = {}): Promise<any> =>
  new Promise((resolve, reject) => {
    const id = ++messages;
    const take = (answer: any) => {
      if (answer.id !== id) return;
      browser.child.off('message', take);
      if (answer.fault) reject(new Error(answer.fault));
      else resolve(answer.value);
    };
    browser.child.on('message', take);
    browser.child.send({ id, command, ...argument });
  });
const ask = (times: number, how: object = {}): Promise<Seen> => tell('ask', { times, ...how });

const signIn = async () => {
  const tokens = await api.newUser();
  await tell('signIn', { email: tokens.user.email, password });
  return tokens;
};
/** Revokes the access tokens of a user and keeps the sessions. */
const revokeTokens = async (userId: string, role = 'ADMIN') => {
  const answer = await api.send(
    'mutation($userId: ID!, $role: Role!) { setRole(userId: $userId, role: $role) { id } }',
    { userId, role },
    root.accessToken,
  );
  api.expect(answer);
};
const all = (times: number, outcome: string) => Array.from({ length: times }, () => outcome);

test('twenty requests with an expired token cause one refresh and are all served', async () => {
  const { user } = await signIn();
  expect(await ask(20)).toMatchObject({ outcomes: all(20, user.id), refreshes: 0 });
  const later = await api.login(user.email);
  await eventually(
    async () =>
      expect(await askGraphql(urls.API_URL, 'whoami', later.accessToken)).toMatchObject({
        reason: 'TOKEN_EXPIRED',
      }),
    20_000,
  );
  expect(await ask(20)).toMatchObject({ outcomes: all(20, user.id), refreshes: 1, ended: 0 });
});

test('twenty requests with a revoked token of a live session cause one refresh', async () => {
  const { user } = await signIn();
  await revokeTokens(user.id);
  expect(await ask(20)).toMatchObject({ outcomes: all(20, user.id), refreshes: 1, ended: 0 });
});

test('a refusal that arrives after the refresh causes no second refresh', async () => {
  const { user } = await signIn();
  await revokeTokens(user.id);
  expect(await ask(20, { late: true })).toMatchObject({
    outcomes: all(20, user.id),
    refreshes: 1,
    ended: 0,
  });
});

test('after a logout everywhere the session ends once, and each request fails with its own error', async () => {
  const { accessToken } = await signIn();
  expect(await api.end('logoutEverywhere', accessToken)).toMatchObject({ confirmed: true });
  expect(await ask(20, { late: true })).toMatchObject({
    outcomes: all(20, 'TOKEN_REVOKED'),
    refreshes: 1,
    ended: 1,
  });
  expect(await ask(5)).toMatchObject({ outcomes: all(5, 'TOKEN_MISSING'), refreshes: 0, ended: 0 });
  const { user } = await signIn();
  expect(await ask(1)).toMatchObject({ outcomes: [user.id] });
});

test('a refresh token that was stolen and used ends the session once', async () => {
  const { user } = await signIn();
  await revokeTokens(user.id);
  // Longer ago than the time within which two tabs may use the same token.
  await world.sql(
    `update sessions set generation = generation + 1, rotated_at = now() - interval '1 minute'`,
  );
  expect(await ask(20)).toMatchObject({ outcomes: all(20, 'TOKEN_REVOKED'), refreshes: 1, ended: 1 });
});

test('an auth server that cannot answer or be reached does not end the session', async () => {
  const { user } = await signIn();
  await revokeTokens(user.id);
  expect(await ask(20, { unavailable: true })).toMatchObject({
    outcomes: all(20, 'SERVICE_UNAVAILABLE'),
    refreshes: 1,
    ended: 0,
  });
  await auth.close();
  expect(await ask(20)).toMatchObject({ outcomes: all(20, 'fetch failed'), refreshes: 1, ended: 0 });
  auth = await world.node(authEnv);
  expect(await ask(20)).toMatchObject({ outcomes: all(20, user.id), refreshes: 1, ended: 0 });
});

test('no request is repeated as a user who has signed in meanwhile', async () => {
  const { user } = await signIn();
  await revokeTokens(user.id);
  const other = await api.newUser();
  const asked = ask(20);
  await tell('signIn', { email: other.user.email, password });
  expect((await asked).outcomes).not.toContain(other.user.id);
  expect((await ask(1)).outcomes).toEqual([other.user.id]);
});

test('a reloaded page finds its session by the cookie until sign-out', async () => {
  const { user } = await signIn();
  expect(await tell('resume')).toBe(true);
  expect((await ask(1)).outcomes).toEqual([user.id]);
  await tell('signOut');
  expect(await tell('resume')).toBe(false);
  expect(await ask(1)).toMatchObject({ outcomes: ['TOKEN_MISSING'], refreshes: 0, ended: 0 });
});

test('the demo program shows one refresh and the end of the session', async () => {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [join(EXAMPLES, 'browser-client/demo.mjs')],
    { env: urls },
  );
  expect(stdout.split('\n').map((line) => line.trim())).toEqual([
    'Ada signs in.',
    '20 requests served',
    'refreshes: 0',
    'Her access token expires.',
    '20 requests served',
    'refreshes: 1',
    'She logs out everywhere, on another device.',
    'the session has ended: a page would show the sign-in form now',
    '20 requests refused: TOKEN_REVOKED',
    'refreshes: 1',
    '',
  ]);
});
