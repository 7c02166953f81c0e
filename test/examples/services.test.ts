import { execFileSync } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { Api, type Tokens } from '../support/api';
import { eventually } from '../support/eventually';
import { startNodeProcess } from '../support/node-process';
import { freePort, startRedis, type TestServer } from '../support/servers';
import { createWorld, type Env, type World } from '../support/world';
import { askGraphql, askRest, type Question, UNDECORATED } from './ask';
import { EXAMPLES, type ExampleProcess, startExample } from './example-process';
import { buildCopy } from './own-packages';

const INTROSPECTION_SECRET = 'only for tests: 4Rk8wQz1Lm6Xv3Tp9Yb2';

const SERVICES: readonly {
  readonly program: string;
  readonly put: typeof askRest;
  readonly path?: string;
  /** Whether it has packages of its own. */
  readonly isCopied?: boolean;
  /** Whether it uses Redis beside the node that it follows. */
  readonly hasRedis?: boolean;
}[] = [
  { program: 'apollo-service/service.mjs', put: askGraphql, hasRedis: true },
  { program: 'type-graphql-service/dist/service.js', put: askGraphql },
  { program: 'nestjs/dist/service.mjs', put: askGraphql, path: '/graphql', isCopied: true },
  { program: 'express-rest/service.mjs', put: askRest },
];
type Service = (typeof SERVICES)[number];

/** The copy of the example for Nest. */
let nest: string;
let world: World;
let redis: TestServer;
let authEnv: Env;
/** Kills the auth server. */
let killAuth: () => Promise<unknown>;
let api: Api;
const running = new Map<Service, { readonly url: string; readonly child: ExampleProcess }>();

const served = (tokens: Tokens) => ({ status: 200, value: tokens.user.id });
const asking = (service: Service) => {
  const ask = (question: Question, token?: string) => service.put(running.get(service)!.url, question, token);
  return { ask, whoami: ({ accessToken }: Tokens) => ask('whoami', accessToken) };
};

// One auth server, one Redis, and a process for each service.
beforeAll(async () => {
  // Built as its README says.
  execFileSync(
    process.execPath,
    [require.resolve('typescript/bin/tsc'), '-p', join(EXAMPLES, 'type-graphql-service')],
    { stdio: ['ignore', 'inherit', 'inherit'] },
  );
  [nest, redis] = await Promise.all([buildCopy('nestjs'), startRedis()]);
  world = await createWorld({ redis: redis.url });
  const port = String(await freePort());
  const ISSUER = `http://127.0.0.1:${port}`;
  api = new Api(ISSUER);
  authEnv = { PORT: port, ISSUER, INTROSPECTION_SECRET };
  const auth = await startNodeProcess({
    ...{ ...authEnv, DATABASE_URL: world.databaseUrl, REDIS_URL: redis.url },
  });
  killAuth = () => {
    auth.signal('SIGKILL');
    return auth.ended;
  };
  for (const service of SERVICES) {
    const PORT = String(await freePort());
    const { program, path = '', isCopied, hasRedis } = service;
    const env = { ISSUER, INTROSPECTION_SECRET, PORT, ...(hasRedis && { REDIS_URL: redis.url }) };
    const file = isCopied ? join(nest, program.replace('nestjs/', '')) : join(EXAMPLES, program);
    const child = await startExample(file, 'is ready at', env);
    running.set(service, { url: `http://127.0.0.1:${PORT}${path}`, child });
  }
});
afterAll(async () => {
  for (const { child } of running.values()) await child.stop();
  await killAuth();
  await world.close();
  await redis.dispose();
  await rm(nest, { recursive: true });
});

describe.each(SERVICES)('$program', (service) => {
  const { ask, whoami } = asking(service);

  test('a signed-in user is served', async () => {
    const tokens = await api.newUser();
    expect(await whoami(tokens)).toMatchObject(served(tokens));
    expect(await ask('hello', tokens.accessToken)).toMatchObject({ status: 200 });
  });

  test('without a token only public fields are served', async () => {
    expect(await ask('hello')).toMatchObject({ status: 200, value: expect.any(String) });
    expect(await ask('whoami')).toMatchObject({
      status: 401,
      code: 'UNAUTHENTICATED',
      reason: 'TOKEN_MISSING',
    });
  });

  test('a token of another issuer is refused', async () => {
    expect(await ask('whoami', 'nonsense')).toMatchObject({
      status: 401,
      code: 'UNAUTHENTICATED',
      reason: 'TOKEN_INVALID',
    });
  });

  test('a field for administrators refuses a user and serves an administrator', async () => {
    const { accessToken } = await api.newUser();
    expect(await ask('report', accessToken)).toMatchObject({ status: 403, code: 'FORBIDDEN' });
    const root = await api.loginAsAdmin();
    expect(await ask('report', root.accessToken)).toMatchObject({
      status: 200,
      value: `All is well, ${root.user.id}.`,
    });
  });

  test.each(['logout', 'logoutEverywhere'])(
    'after a confirmed %s the very next request is refused',
    async (mutation) => {
      for (let i = 0; i < 10; i++) {
        const tokens = await api.newUser();
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
});

test('in Nest, a resolver without a decorator is for signed-in users', async () => {
  const { url } = [...running].find(([{ program }]) => program.startsWith('nestjs/'))![1];
  const { accessToken } = await api.newUser();
  expect(await askGraphql(url, UNDECORATED, accessToken)).toMatchObject({ status: 200 });
  expect(await askGraphql(url, UNDECORATED)).toMatchObject({ status: 401, reason: 'TOKEN_MISSING' });
});

test('with Redis a service works without the auth server; without both it refuses everything, and recovers', async () => {
  const [tokens, ended] = [await api.newUser(), await api.newUser()];
  const services = SERVICES.map(asking);
  for (const { whoami } of services) expect(await whoami(tokens)).toMatchObject(served(tokens));
  expect(await api.end('logout', ended.accessToken)).toMatchObject({ confirmed: true });

  const unavailable = { status: 503, code: 'SERVICE_UNAVAILABLE' };
  const refusesAll = async ({ ask, whoami }: (typeof services)[number]) => {
    await eventually(async () => expect(await whoami(tokens)).toMatchObject(unavailable));
    // A token that it knows as revoked may still be called revoked.
    expect([401, 503]).toContain((await whoami(ended)).status);
    expect(await ask('whoami')).toMatchObject({ status: 401, reason: 'TOKEN_MISSING' });
    expect(await ask('hello')).toMatchObject({ status: 200 });
  };
  await killAuth();
  for (const service of SERVICES) if (!service.hasRedis) await refusesAll(asking(service));
  // Their leases are over, so it would refuse too if it had only followed.
  for (const service of SERVICES.filter(({ hasRedis }) => hasRedis)) {
    const { whoami } = asking(service);
    expect(await whoami(tokens)).toMatchObject(served(tokens));
    expect(await whoami(ended)).toMatchObject({ status: 401, reason: 'TOKEN_REVOKED' });
  }

  await redis.kill();
  for (const service of services) await refusesAll(service);

  // Redis comes back empty.
  await redis.start();
  await world.node(authEnv);
  for (const { whoami } of services) {
    await eventually(async () => expect(await whoami(tokens)).toMatchObject(served(tokens)), 30_000);
    expect(await whoami(ended)).toMatchObject({ status: 401, reason: 'TOKEN_REVOKED' });
  }
});

test.each(SERVICES)('$program stops on request, and no logout waits for it then', async (service) => {
  const { child } = running.get(service)!;
  /** The services that follow the node, and those that it lost without a farewell. */
  const followers = async () => {
    const text = await (await fetch(`${api.url}/metrics`)).text();
    const [, count] = /^tokenfence_followers (\d+)$/m.exec(text) ?? [];
    return { count: Number(count), lost: /^tokenfence_followers_dropped_total.*$/m.exec(text)?.[0] };
  };
  const client = new Redis(redis.url);
  const inRedis = async () => {
    const [epoch = ''] = await client.keys('*:epoch');
    return (await client.hkeys(epoch)).filter((name) => name.startsWith('n:')).length;
  };
  const withRedis = () => [...running.keys()].filter(({ hasRedis }) => hasRedis).length;
  await eventually(async () => expect(await followers()).toEqual({ count: running.size, lost: undefined }));
  // The auth server, and each service that uses Redis beside it.
  await eventually(async () => expect(await inRedis()).toBe(1 + withRedis()));
  // Apollo Server ends the process with the signal that it got.
  expect([0, 'SIGTERM']).toContain(await child.stop());
  running.delete(service);
  expect(await followers()).toEqual({ count: running.size, lost: undefined });
  expect(await inRedis()).toBe(1 + withRedis());
  client.disconnect();
});
