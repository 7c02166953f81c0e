import { setTimeout as sleep } from 'node:timers/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createGuard, type ServiceGuard } from '../../src/create-guard';
import type { GuardOptions } from '../../src/guard/guard-options';
import type { Tokens } from '../support/api';
import { eventually } from '../support/eventually';
import { ADMIN, createWorld, type TestNode, type World } from '../support/world';

const ISSUER = 'https://auth.example.com';
const INTROSPECTION_SECRET = 'only for tests: f6Yp2cN8sR4vK1wQ9zLm';
const ENV = { ISSUER, INTROSPECTION_SECRET };

let [one, two]: World[] = [];
let [before, after]: TestNode[] = [];
/** The address of the auth server, behind which a node of one database gives way to a node of another. */
let address: Server;
let behind: () => Promise<object>;
let introspectedBy: TestNode;
const guards: ServiceGuard[] = [];
let count = 0;

const keysOf = async (...nodes: TestNode[]) => {
  const sets = await Promise.all(
    nodes.map(
      async ({ url }) => (await (await fetch(`${url}/.well-known/jwks.json`)).json()) as { keys: object[] },
    ),
  );
  return { keys: sets.flatMap(({ keys }) => keys) };
};

beforeAll(async () => {
  one = await createWorld();
  two = await createWorld({ redis: one.redisUrl });
  [before, after] = await Promise.all([one.node(ENV), two.node(ENV)]);
  address = createServer((request, response) => {
    const answer = async () => {
      if (request.url !== '/oauth/introspect') return JSON.stringify(await behind());
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const { authorization = '', 'content-type': type = '' } = request.headers;
      const asked = await fetch(`${introspectedBy.url}/oauth/introspect`, {
        method: 'POST',
        headers: { authorization, 'content-type': type },
        body: Buffer.concat(chunks),
      });
      return asked.text();
    };
    void answer().then((text) => response.setHeader('content-type', 'application/json').end(text));
  });
  await new Promise<void>((resolve) => address.listen(0, '127.0.0.1', resolve));
});
beforeEach(() => {
  behind = () => keysOf(before!);
  introspectedBy = before!;
});
afterEach(async () => {
  for (const guard of guards.splice(0)) await guard.close();
});
afterAll(async () => {
  address.close();
  await two?.close();
  await one?.close();
});

const at = (path: string) => `http://127.0.0.1:${(address.address() as AddressInfo).port}${path}`;
const newGuard = async (options: Partial<GuardOptions> = {}) => {
  const guard = await createGuard({
    issuer: ISSUER,
    audience: 'api',
    jwks: at('/jwks.json'),
    redis: one!.redisUrl,
    ...options,
  });
  guards.push(guard);
  return guard;
};
const isCurrent = (guard: ServiceGuard) => eventually(() => expect(guard.status().view).toBe('current'));
const newUser = (node: TestNode) => node.api.register(`moved${++count}@example.com`);
const ask = (guard: ServiceGuard, { accessToken }: Tokens) => guard.authenticate(`Bearer ${accessToken}`);

test.each<[string, Partial<GuardOptions>]>([
  ['with a view', {}],
  ['with a view and introspection', { introspection: { url: '', secret: INTROSPECTION_SECRET } }],
  ['without a view', { view: false, introspection: { url: '', secret: INTROSPECTION_SECRET } }],
])(
  'a guard %s never judges the tokens of a new database by the log of the old one',
  async (_how, options) => {
    const introspection = options.introspection && { ...options.introspection, url: at('/oauth/introspect') };
    const guard = await newGuard({ ...options, introspection });
    if (options.view !== false) await isCurrent(guard);
    expect((await ask(guard, await newUser(before!))).ok).toBe(true);

    behind = () => keysOf(after!);
    introspectedBy = after!;
    const fresh = await newUser(after!);
    const first = await ask(guard, fresh);
    if (!introspection) expect(first).toEqual({ ok: false, code: 'SERVICE_UNAVAILABLE' });
    else expect(first.ok).toBe(true);
    expect((await after!.api.end('logout', fresh.accessToken)).confirmed).toBe(true);
    for (const end = Date.now() + 3000; Date.now() < end;) {
      expect((await ask(guard, fresh)).ok).toBe(false);
      await sleep(50);
    }
    // And it follows the new log from then on.
    const later = await newUser(after!);
    await eventually(async () => {
      expect((await ask(guard, later)).ok).toBe(true);
      // Without a view, Redis is reached for only when it is asked; until then introspection tells.
      expect(guard.status().redis).toBe('reached');
    });
    if (options.view !== false) await isCurrent(guard);
    expect((await after!.api.end('logout', later.accessToken)).confirmed).toBe(true);
    expect((await ask(guard, later)).ok).toBe(false);
  },
  30_000,
);

test('two databases whose keys are in one set are followed side by side, each token by its own log', async () => {
  behind = () => keysOf(before!, after!);
  const guard = await newGuard();
  await isCurrent(guard);
  for (const node of [before!, after!, before!]) {
    const tokens = await newUser(node);
    expect((await ask(guard, tokens)).ok).toBe(true);
    expect((await node.api.end('logout', tokens.accessToken)).confirmed).toBe(true);
    expect((await ask(guard, tokens)).ok).toBe(false);
  }
});

test('keys that are given by hand say by themselves which log is theirs', async () => {
  const guard = await newGuard({ jwks: await keysOf(before!) });
  await isCurrent(guard);
  const tokens = await newUser(before!);
  expect((await ask(guard, tokens)).ok).toBe(true);
  expect(await ask(guard, await newUser(after!))).toMatchObject({ ok: false, code: 'TOKEN_INVALID' });
  expect((await before!.api.end('logout', tokens.accessToken)).confirmed).toBe(true);
  expect((await ask(guard, tokens)).ok).toBe(false);
});

test('a copy of a database has its own name for the same key: no token is good in both', async () => {
  const tokens = await newUser(before!);
  const root = await before!.api.login(ADMIN.email, ADMIN.password);
  const guard = await newGuard();
  await isCurrent(guard);
  const original = (await one!.sql<{ id: string }>('select database_id as id from fleet'))[0]!.id;
  try {
    await one!.sql('update fleet set database_id = gen_random_uuid()');
    const copy = await one!.node(ENV);
    expect((await copy.api.me(tokens.accessToken)).reason).toBe('TOKEN_REVOKED');
    const { data } = await copy.api.refresh(tokens.refreshToken);
    behind = () => keysOf(copy);
    const fresh = data.refresh as Tokens;
    expect(await ask(guard, fresh)).toEqual({ ok: false, code: 'SERVICE_UNAVAILABLE' });
    expect((await copy.api.end('logout', fresh.accessToken)).confirmed).toBe(true);
    for (let i = 0; i < 20; i++) {
      expect((await ask(guard, fresh)).ok).toBe(false);
      await sleep(50);
    }
    // The node that has run on beside it confirms nothing, as those who follow the copy would not hear of it.
    for (const { accessToken } of [tokens, root]) {
      const late = await before!.api.send('mutation { logout { confirmed } }', {}, accessToken);
      expect(late.code).toBe('SERVICE_UNAVAILABLE');
    }
    await copy.close();
  } finally {
    await one!.sql('update fleet set database_id = $1', [original]);
  }
});
