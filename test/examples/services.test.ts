import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { Api, type Tokens } from '../support/api';
import { eventually } from '../support/eventually';
import { type NodeProcess, startNodeProcess } from '../support/node-process';
import { freePort, startRedis, type TestServer } from '../support/servers';
import { ADMIN, createWorld, type Env, type World } from '../support/world';
import { askGraphql, askRest, type Question } from './ask';
import { EXAMPLES, type ExampleProcess, startExample } from './example-process';

const INTROSPECTION_SECRET = 'only for tests: 4Rk8wQz1Lm6Xv3Tp9Yb2';

/** As its README says. */
const compile = () =>
  void execFileSync('npx', ['tsc', '-p', join(EXAMPLES, 'type-graphql-service')], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });

// Each with an auth server, a Redis and the service in processes of their own.
describe.each([
  { program: 'apollo-service/service.mjs', put: askGraphql },
  { program: 'type-graphql-service/dist/service.js', put: askGraphql, build: compile },
  { program: 'express-rest/service.mjs', put: askRest },
])('$program', ({ program, put, build }) => {
  let world: World;
  let redis: TestServer;
  let auth: NodeProcess;
  let authEnv: Env;
  let api: Api;
  let service: ExampleProcess;
  let url: string;
  let count = 0;

  const ask = (question: Question, token?: string) => put(url, question, token);

  beforeAll(async () => {
    build?.();
    redis = await startRedis();
    world = await createWorld({ redis: redis.url });
    const [authPort, port] = [String(await freePort()), String(await freePort())];
    const AUTH_URL = `http://127.0.0.1:${authPort}`;
    url = `http://127.0.0.1:${port}`;
    api = new Api(AUTH_URL);
    authEnv = {
      PORT: authPort,
      ISSUER: AUTH_URL,
      INTROSPECTION_SECRET,
      DATABASE_URL: world.databaseUrl,
      REDIS_URL: redis.url,
    };
    auth = await startNodeProcess(authEnv);
    service = await startExample(join(EXAMPLES, program), 'is ready at', {
      AUTH_URL,
      INTROSPECTION_SECRET,
      REDIS_URL: redis.url,
      PORT: port,
    });
  });
  afterAll(async () => {
    await service.stop();
    auth.signal('SIGKILL');
    await auth.ended;
    await world.close();
    await redis.dispose();
  });

  const newUser = () => api.register(`reader${++count}@example.com`);
  const whoami = ({ accessToken }: Tokens) => ask('whoami', accessToken);
  const served = (tokens: Tokens) => ({ status: 200, value: tokens.user.id });

  test('a user who is signed in is served', async () => {
    const tokens = await newUser();
    expect(await whoami(tokens)).toMatchObject(served(tokens));
    expect(await ask('hello', tokens.accessToken)).toMatchObject({ status: 200 });
  });

  test('without a token, what is for everyone is served, and nothing else', async () => {
    expect(await ask('hello')).toMatchObject({ status: 200, value: expect.any(String) });
    expect(await ask('whoami')).toMatchObject({
      status: 401,
      code: 'UNAUTHENTICATED',
      reason: 'TOKEN_MISSING',
    });
  });

  test('a token that is none of ours is refused', async () => {
    expect(await ask('whoami', 'nonsense')).toMatchObject({
      status: 401,
      code: 'UNAUTHENTICATED',
      reason: 'TOKEN_INVALID',
    });
  });

  test('what is for administrators refuses a user, and serves an administrator', async () => {
    const { accessToken } = await newUser();
    expect(await ask('report', accessToken)).toMatchObject({ status: 403, code: 'FORBIDDEN' });
    const root = await api.login(ADMIN.email, ADMIN.password);
    expect(await ask('report', root.accessToken)).toMatchObject({
      status: 200,
      value: `All is well, ${root.user.id}.`,
    });
  });

  test.each(['logout', 'logoutEverywhere'])(
    'after a confirmed %s the very next request is refused',
    async (mutation) => {
      for (let i = 0; i < 10; i++) {
        const tokens = await newUser();
        expect(await whoami(tokens)).toMatchObject(served(tokens));
        expect(await api.end(mutation, tokens.accessToken)).toMatchObject({ confirmed: true });
        expect(await whoami(tokens)).toMatchObject({
          status: 401,
          code: 'UNAUTHENTICATED',
          reason: 'TOKEN_REVOKED',
        });
      }
    },
  );

  test('without the auth server good tokens are served still; without Redis as well nothing is, and nothing breaks', async () => {
    const [tokens, ended] = [await newUser(), await newUser()];
    expect(await whoami(tokens)).toMatchObject(served(tokens));
    expect(await api.end('logout', ended.accessToken)).toMatchObject({ confirmed: true });

    auth.signal('SIGKILL');
    await auth.ended;
    expect(await whoami(tokens)).toMatchObject(served(tokens));
    expect(await whoami(ended)).toMatchObject({ status: 401, reason: 'TOKEN_REVOKED' });

    await redis.kill();
    const unavailable = { status: 503, code: 'SERVICE_UNAVAILABLE' };
    await eventually(async () => expect(await whoami(tokens)).toMatchObject(unavailable));
    // What it knows to be revoked it may say still.
    expect([401, 503]).toContain((await whoami(ended)).status);
    expect(await ask('whoami')).toMatchObject({ status: 401, reason: 'TOKEN_MISSING' });
    expect(await ask('hello')).toMatchObject({ status: 200 });

    // Redis comes back empty.
    await redis.start();
    auth = await startNodeProcess(authEnv);
    await eventually(async () => expect(await whoami(tokens)).toMatchObject(served(tokens)), 30_000);
    expect(await whoami(ended)).toMatchObject({ status: 401, reason: 'TOKEN_REVOKED' });
  });

  test('it stops when it is told to, and leaves the roll of those whom a logout waits for', async () => {
    const client = new Redis(redis.url);
    const roll = async () => {
      const [epoch = ''] = await client.keys('*:epoch');
      return (await client.hkeys(epoch)).filter((name) => name.startsWith('n:')).length;
    };
    await eventually(async () => expect(await roll()).toBe(2));
    // Apollo Server ends the process by the signal that it got.
    expect([0, 'SIGTERM']).toContain(await service.stop());
    expect(await roll()).toBe(1);
    client.disconnect();
  });
});
