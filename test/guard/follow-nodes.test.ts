import type { GuardOptions } from '../../src/guard/guard-options';
import type { ServiceGuard } from '../../src/guard/create-guard';
import { type EmbeddedFolder, newEmbeddedFolder } from '../support/embedded-folder';
import { eventually } from '../support/eventually';
import { ask, guardMaker, ISSUER } from '../support/guards';
import { type NodeProcess, startNodeProcess } from '../support/node-process';
import { startProxy } from '../support/proxy';
import { createWorld, type TestNode, type World } from '../support/world';

const SECRET = 'of services, only for tests: 8Rk3vX9kLp';
const REVOKED = { ok: false, code: 'TOKEN_REVOKED' };

/** How many checks each source has answered. */
const answered = new Map<string, number>();
const newGuard = guardMaker(() => ({
  audience: 'api',
  secret: SECRET,
  metrics: { checked: (source) => answered.set(source, (answered.get(source) ?? 0) + 1) },
}));
beforeEach(() => answered.clear());
const untilCurrent = (guard: ServiceGuard) =>
  eventually(() => expect(guard.status()).toMatchObject({ view: 'current', node: 'reached' }));

describe('the embedded mode', () => {
  let folder: EmbeddedFolder;
  let node: NodeProcess;
  beforeAll(async () => {
    folder = await newEmbeddedFolder();
    node = await startNodeProcess({ DATA_DIR: folder.path, ISSUER, INTROSPECTION_SECRET: SECRET });
  });
  afterAll(async () => {
    node.signal('SIGKILL');
    await node.ended;
    await folder.remove();
  });

  test('with an address and a secret, a confirmed logout is refused at the next check, without a request', async () => {
    const guard = await newGuard({ issuer: ISSUER, server: node.url });
    await untilCurrent(guard);
    const heard: [string, boolean][] = [];
    guard.onRevocation(({ kind }, isNew) => heard.push([kind, isNew]));
    const tokens = await node.api.newUser();
    expect((await ask(guard, tokens)).ok).toBe(true);
    const ended = await node.api.end('logoutEverywhere', tokens.accessToken);
    expect(ended.confirmed).toBe(true);
    expect(await ask(guard, tokens)).toMatchObject(REVOKED);
    expect([...answered]).toEqual([['view', 2]]);
    expect(heard).toEqual([['USER', true]]);
    expect(guard.status()).toMatchObject({ redis: 'off', keys: 1 });
  });

  test('while no node can be followed, the guard asks the server, and follows again', async () => {
    const proxy = await startProxy(node.url);
    const guard = await newGuard({ issuer: ISSUER, server: proxy.url });
    await untilCurrent(guard);
    const [gone, stays] = [await node.api.newUser(), await node.api.newUser()];
    proxy.silence();
    // Half-open: nobody says that the connection has ended. The logout waits for the lease.
    const ended = await node.api.end('logout', gone.accessToken);
    expect(ended.confirmed).toBe(true);
    expect(guard.status().view).toBe('not current');
    proxy.restore();
    expect(await ask(guard, gone)).toMatchObject(REVOKED);
    expect((await ask(guard, stays)).ok).toBe(true);
    expect(answered.get('introspection')).toBeGreaterThan(0);
    await untilCurrent(guard);
    await guard.close();
    await proxy.close();
  });
});

describe('two nodes with Redis', () => {
  let world: World;
  let nodes: TestNode[];
  beforeAll(async () => {
    world = await createWorld();
    const env = { ISSUER, INTROSPECTION_SECRET: SECRET };
    nodes = await Promise.all([world.node(env), world.node(env)]);
  });
  afterAll(() => world.close());

  test('followed by both ways, each revocation is announced once, and neither outage stops a service', async () => {
    const [first, second] = nodes as [TestNode, TestNode];
    const toNode = await startProxy(first.url);
    const toRedis = await startProxy(world.redisUrl!);
    const both: Partial<GuardOptions> = { issuer: ISSUER, server: toNode.url, redis: toRedis.url };
    const guard = await newGuard(both);
    const isWell = () =>
      eventually(() =>
        expect(guard.status()).toMatchObject({ view: 'current', node: 'reached', redis: 'reached' }),
      );
    await isWell();
    const heard: string[] = [];
    // A logout revokes its access token too.
    guard.onRevocation((entry) => {
      if (entry.kind === 'SESSION') heard.push(entry.sessionId);
    });
    const sessions: string[] = [];
    const logOut = async () => {
      const tokens = await second.api.newUser();
      expect((await ask(guard, tokens)).ok).toBe(true);
      sessions.push(tokens.session.id);
      expect((await second.api.end('logout', tokens.accessToken)).confirmed).toBe(true);
      expect(await ask(guard, tokens)).toMatchObject(REVOKED);
    };
    await logOut();
    for (const [proxy, name] of [
      [toNode, 'node'],
      [toRedis, 'redis'],
    ] as const) {
      proxy.cut();
      await eventually(() => expect(guard.status()).toMatchObject({ [name]: 'away', view: 'current' }));
      await logOut();
      proxy.restore();
      await isWell();
    }
    await logOut();
    expect(heard).toEqual(sessions);
    // On a busy machine a lease may be over for a moment, and introspection stands in.
    expect(answered.get('view')).toBeGreaterThan(answered.get('introspection') ?? 0);
    await guard.close();
    for (const proxy of [toNode, toRedis]) await proxy.close();
  });
});
