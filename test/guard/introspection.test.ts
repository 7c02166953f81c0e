import { createServer } from 'node:http';
import { eventually } from '../support/eventually';
import { ask, guardMaker, ISSUER, trusting } from '../support/guards';
import { listen } from '../support/listen';
import { type Proxy, startProxy } from '../support/proxy';
import { createWorld, type TestNode, type World } from '../support/world';

const INTROSPECTION_SECRET = 'between services: 4Hk8sWq2Zt6Yv0Lm';

let world: World;
let node: TestNode;
const closing: (() => Promise<unknown>)[] = [];

const newGuard = guardMaker(() => ({
  ...trusting(node),
  introspection: { url: `${node.url}/oauth/introspect`, secret: INTROSPECTION_SECRET, rememberFor: 0 },
}));
beforeAll(async () => {
  world = await createWorld();
  node = await world.node({ ISSUER, INTROSPECTION_SECRET });
});
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});
afterAll(() => world.close());

/** An auth server with a fixed answer, which counts the requests. */
async function fakeAuthServer(status: number, body: string) {
  let questions = 0;
  const server = createServer((_request, response) => {
    questions += 1;
    response.writeHead(status, { 'content-type': 'application/json' }).end(body);
  });
  const url = await listen(server);
  closing.push(() => new Promise((resolve) => server.close(resolve)));
  return {
    url,
    questions: () => questions,
  };
}

describe('with introspection only', () => {
  test('an active token is good, and an inactive one is revoked', async () => {
    const guard = await newGuard();
    expect(guard.status()).toMatchObject({ view: 'off', redis: 'off', keys: expect.any(Number) });
    const tokens = await node.api.newUser();
    expect(await ask(guard, tokens)).toMatchObject({ ok: true, principal: { userId: tokens.user.id } });
    await node.api.end('logout', tokens.accessToken);
    expect(await ask(guard, tokens)).toMatchObject({ ok: false, code: 'TOKEN_REVOKED' });
  });

  test('a disabled user has no good token', async () => {
    const guard = await newGuard();
    const tokens = await node.api.newUser();
    const root = await node.api.loginAsAdmin();
    await node.api.send(`mutation { disableUser(userId: "${tokens.user.id}") { id } }`, {}, root.accessToken);
    expect(await ask(guard, tokens)).toMatchObject({ ok: false, code: 'TOKEN_REVOKED' });
  });

  test('"active" is remembered for rememberFor', async () => {
    const server = await fakeAuthServer(200, '{"active":true}');
    let now = 0;
    const clock = { now: () => Date.now(), monotonic: () => now };
    const guard = await newGuard({
      introspection: { url: server.url, secret: 'a secret', rememberFor: 5000 },
      clock,
    });
    const tokens = await node.api.newUser();
    for (let i = 0; i < 3; i++) expect((await ask(guard, tokens)).ok).toBe(true);
    expect(server.questions()).toBe(1);
    now += 5000;
    expect((await ask(guard, tokens)).ok).toBe(true);
    expect(server.questions()).toBe(2);
  });

  test.each<[string, number, string]>([
    ['a wrong secret', 401, '{"error":"invalid_client"}'],
    ['a fault of the auth server', 500, 'oops'],
    ['an answer that says neither', 200, '{"active":"yes"}'],
    ['an answer that is not JSON', 200, '<html>'],
  ])('%s is SERVICE_UNAVAILABLE, neither good nor revoked', async (_what, status, body) => {
    const { url } = await fakeAuthServer(status, body);
    const guard = await newGuard({ introspection: { url, secret: 'a secret' } });
    expect(await ask(guard, await node.api.newUser())).toEqual({ ok: false, code: 'SERVICE_UNAVAILABLE' });
  });
});

describe('with Redis and no view', () => {
  test('a record filled by an introspection answers, and a revoked token is refused at once', async () => {
    const server = await fakeAuthServer(500, '');
    const reading = await newGuard({ redis: world.redisUrl, view: false });
    // Reaches no auth server, so its answers come from Redis.
    const alone = await newGuard({
      redis: world.redisUrl,
      view: false,
      introspection: { url: server.url, secret: 'a secret' },
    });
    const tokens = await node.api.newUser();
    // A node that cannot prove now that it reaches Redis fills no record. The next request does.
    await eventually(async () => {
      expect((await ask(reading, tokens)).ok).toBe(true);
      expect((await ask(alone, tokens)).ok).toBe(true);
    });
    expect((await node.api.end('logout', tokens.accessToken)).confirmed).toBe(true);
    for (const guard of [alone, reading])
      expect(await ask(guard, tokens)).toMatchObject({ ok: false, code: 'TOKEN_REVOKED' });
  });
});

describe('with a view and introspection', () => {
  let proxy: Proxy;
  beforeEach(async () => {
    proxy = await startProxy(world.redisUrl!);
    closing.push(() => proxy.close());
  });

  test('without Redis the guard asks the auth server, and refused tokens stay refused', async () => {
    const guard = await newGuard({ redis: proxy.url });
    await eventually(() => expect(guard.status().view).toBe('current'));
    const [gone, stays] = [await node.api.newUser(), await node.api.newUser()];
    await node.api.end('logout', gone.accessToken);
    proxy.cut();
    await eventually(() => expect(guard.status()).toMatchObject({ view: 'not current', redis: 'away' }));
    expect(await ask(guard, gone)).toMatchObject({ ok: false, code: 'TOKEN_REVOKED' });
    expect((await ask(guard, stays)).ok).toBe(true);
    expect((await node.api.end('logout', stays.accessToken)).confirmed).toBe(true);
    expect(await ask(guard, stays)).toMatchObject({ ok: false, code: 'TOKEN_REVOKED' });
    proxy.restore();
    await eventually(() => expect(guard.status().view).toBe('current'));
    for (const tokens of [gone, stays])
      expect(await ask(guard, tokens)).toMatchObject({ ok: false, code: 'TOKEN_REVOKED' });
  });
});
