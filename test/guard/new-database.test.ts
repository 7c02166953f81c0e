import { setTimeout as sleep } from 'node:timers/promises';
import { createServer, type Server } from 'node:http';
import type { GuardOptions } from '../../src/guard/guard-options';
import type { Tokens } from '../support/api';
import { eventually } from '../support/eventually';
import { ask, guardMaker, ISSUER, trusting, untilGuardIsCurrent } from '../support/guards';
import { listen } from '../support/listen';
import { createWorld, type TestNode, type World } from '../support/world';

const INTROSPECTION_SECRET = 'only for tests: f6Yp2cN8sR4vK1wQ9zLm';
const ENV = { ISSUER, INTROSPECTION_SECRET };

let [one, two]: World[] = [];
let [before, after]: TestNode[] = [];
/** The address of the auth server. A node of another database takes over behind it. */
let address: Server;
let behind: () => Promise<object>;
let introspectedBy: TestNode;
let addressUrl: string;

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
  addressUrl = await listen(address);
});
beforeEach(() => {
  behind = () => keysOf(before!);
  introspectedBy = before!;
});
afterAll(async () => {
  address.close();
  await two?.close();
  await one?.close();
});

const newGuard = guardMaker(() => ({ ...trusting({ url: addressUrl }), redis: one!.redisUrl }));

test.each<[string, Partial<GuardOptions>]>([
  ['with a view', {}],
  ['with a view and introspection', { introspection: { url: '', secret: INTROSPECTION_SECRET } }],
  ['without a view', { view: false, introspection: { url: '', secret: INTROSPECTION_SECRET } }],
])(
  'a guard %s never judges the tokens of a new database by the log of the old one',
  async (_how, options) => {
    const introspection = options.introspection && {
      ...options.introspection,
      url: `${addressUrl}/oauth/introspect`,
    };
    const guard = await newGuard({ ...options, introspection });
    if (options.view !== false) await untilGuardIsCurrent(guard);
    expect((await ask(guard, await before!.api.newUser())).ok).toBe(true);

    behind = () => keysOf(after!);
    introspectedBy = after!;
    const fresh = await after!.api.newUser();
    const first = await ask(guard, fresh);
    if (!introspection) expect(first).toEqual({ ok: false, code: 'SERVICE_UNAVAILABLE' });
    else expect(first.ok).toBe(true);
    expect((await after!.api.end('logout', fresh.accessToken)).confirmed).toBe(true);
    for (const end = Date.now() + 3000; Date.now() < end;) {
      expect((await ask(guard, fresh)).ok).toBe(false);
      await sleep(50);
    }
    // From then on it follows the new log.
    const later = await after!.api.newUser();
    await eventually(async () => {
      expect((await ask(guard, later)).ok).toBe(true);
      // Without a view, Redis is used only when it is asked. Until then introspection answers.
      expect(guard.status().redis).toBe('reached');
    });
    if (options.view !== false) await untilGuardIsCurrent(guard);
    expect((await after!.api.end('logout', later.accessToken)).confirmed).toBe(true);
    expect((await ask(guard, later)).ok).toBe(false);
  },
  30_000,
);

test('a guard with the keys of two databases checks each token by its own log', async () => {
  behind = () => keysOf(before!, after!);
  const guard = await newGuard();
  await untilGuardIsCurrent(guard);
  for (const node of [before!, after!, before!]) {
    const tokens = await node.api.newUser();
    expect((await ask(guard, tokens)).ok).toBe(true);
    expect((await node.api.end('logout', tokens.accessToken)).confirmed).toBe(true);
    expect((await ask(guard, tokens)).ok).toBe(false);
  }
});

test('keys given as an object name their own log', async () => {
  const guard = await newGuard({ jwks: await keysOf(before!) });
  await untilGuardIsCurrent(guard);
  const tokens = await before!.api.newUser();
  expect((await ask(guard, tokens)).ok).toBe(true);
  expect(await ask(guard, await after!.api.newUser())).toMatchObject({ ok: false, code: 'TOKEN_INVALID' });
  expect((await before!.api.end('logout', tokens.accessToken)).confirmed).toBe(true);
  expect((await ask(guard, tokens)).ok).toBe(false);
});

test('no token is good in both a database and its copy', async () => {
  const tokens = await before!.api.newUser();
  const root = await before!.api.loginAsAdmin();
  const guard = await newGuard();
  await untilGuardIsCurrent(guard);
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
    // The node of the original confirms nothing, because the followers of the copy would not learn of it.
    for (const { accessToken } of [tokens, root]) {
      const late = await before!.api.send('mutation { logout { confirmed } }', {}, accessToken);
      expect(late.code).toBe('SERVICE_UNAVAILABLE');
    }
    await copy.close();
  } finally {
    await one!.sql('update fleet set database_id = $1', [original]);
  }
});
