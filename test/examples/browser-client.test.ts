import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Api, type Tokens } from '../support/api';
import { eventually } from '../support/eventually';
import { freePort } from '../support/servers';
import { ADMIN, createWorld, type Env, type TestNode, type World } from '../support/world';
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
let count = 0;
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
  root = await api.login(ADMIN.email, ADMIN.password);
});
afterAll(async () => {
  await browser.stop();
  await service.stop();
  await world.close();
});

/** Has the browser do something, and answers what came of it. */
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

const newUser = async () => {
  const email = `surfer${++count}@example.com`;
  return { email, ...(await api.register(email)) };
};
const signIn = async () => {
  const user = await newUser();
  await tell('signIn', { email: user.email, password });
  return user;
};
/** Makes the access tokens of a user worth nothing, while the sessions live on. */
const revokeTokens = async (userId: string, role = 'ADMIN') => {
  const answer = await api.send(
    'mutation($userId: ID!, $role: Role!) { setRole(userId: $userId, role: $role) { id } }',
    { userId, role },
    root.accessToken,
  );
  api.expect(answer);
};
const all = (times: number, outcome: string) => Array.from({ length: times }, () => outcome);

test('twenty requests with an expired token cause one refresh, and all are served', async () => {
  const { email, user } = await signIn();
  expect(await ask(20)).toMatchObject({ outcomes: all(20, user.id), refreshes: 0 });
  const later = await api.login(email);
  await eventually(
    async () =>
      expect(await askGraphql(urls.API_URL, 'whoami', later.accessToken)).toMatchObject({
        reason: 'TOKEN_EXPIRED',
      }),
    20_000,
  );
  expect(await ask(20)).toMatchObject({ outcomes: all(20, user.id), refreshes: 1, ended: 0 });
});

test('so do twenty whose token was revoked while the session lives on', async () => {
  const { user } = await signIn();
  await revokeTokens(user.id);
  expect(await ask(20)).toMatchObject({ outcomes: all(20, user.id), refreshes: 1, ended: 0 });
});

test('a refusal that arrives after the refresh causes no second one', async () => {
  const { user } = await signIn();
  await revokeTokens(user.id);
  expect(await ask(20, { late: true })).toMatchObject({
    outcomes: all(20, user.id),
    refreshes: 1,
    ended: 0,
  });
});

test('after a logout everywhere it gives up once, and each request fails by its own error', async () => {
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
  // The thief's use of it was longer ago than the time in which two tabs may meet.
  await world.sql(`update refresh_tokens set used_at = now() - interval '1 minute'`);
  expect(await ask(20)).toMatchObject({ outcomes: all(20, 'TOKEN_REVOKED'), refreshes: 1, ended: 1 });
});

test('an auth server that cannot answer, or is away, costs nobody the session', async () => {
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

test('no request is repeated in the name of whoever signs in meanwhile', async () => {
  const { user } = await signIn();
  await revokeTokens(user.id);
  const other = await newUser();
  const asked = ask(20);
  await tell('signIn', { email: other.email, password });
  expect((await asked).outcomes).not.toContain(other.user.id);
  expect((await ask(1)).outcomes).toEqual([other.user.id]);
});

test('a page that is loaded again finds its session by the cookie, until it was signed out', async () => {
  const { user } = await signIn();
  expect(await tell('resume')).toBe(true);
  expect((await ask(1)).outcomes).toEqual([user.id]);
  await tell('signOut');
  expect(await tell('resume')).toBe(false);
  expect(await ask(1)).toMatchObject({ outcomes: ['TOKEN_MISSING'], refreshes: 0, ended: 0 });
});

test('the demonstration shows it', async () => {
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
