import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { eventually } from '../support/eventually';
import { ask, guardMaker, ISSUER, trusting } from '../support/guards';
import { startRedis, type TestServer } from '../support/servers';
import { createWorld, type TestNode, type World } from '../support/world';

const INTROSPECTION_SECRET = 'only for tests: f6Yp2cN8sR4vK1wQ9zLm';

let redis: TestServer;
let owner: Redis;
let world: World;
let node: TestNode;
const newGuard = guardMaker(() => ({
  ...trusting(node),
  introspection: { url: `${node.url}/oauth/introspect`, secret: INTROSPECTION_SECRET, rememberFor: 0 },
}));

/** Creates the Redis user that a document describes. Returns the URL with which it connects. */
async function userOf(document: string, name: string): Promise<string> {
  const text = readFileSync(join(__dirname, '../..', document), 'utf8');
  const rules = new RegExp(`^user ${name} (on >(\\S+) .*)$`, 'm').exec(text);
  if (!rules) throw new Error(`${document} describes no user ${name}.`);
  const [, all = '', password = ''] = rules;
  await owner.call('ACL', 'SETUSER', name, ...all.split(' '));
  const url = new URL(redis.url);
  url.username = name;
  url.password = password;
  return url.href;
}

beforeAll(async () => {
  redis = await startRedis();
  owner = new Redis(redis.url);
  world = await createWorld({ redis: await userOf('docs/redis.md', 'tokenfence') });
  node = await world.node({ ISSUER, INTROSPECTION_SECRET });
});
afterAll(async () => {
  await world.close();
  owner.disconnect();
  await redis.dispose();
});

const refused = async () =>
  ((await owner.call('ACL', 'LOG')) as unknown[][])
    .map((entry) => entry.map(String))
    // Newer clients send their own names if they may.
    .filter((entry) => !entry.includes('client|setinfo'));

test.each([
  ['with a view', true],
  ['without a view', false],
])(
  'the documented Redis users have all permissions that they need: %s',
  async (_how, view) => {
    const guard = await newGuard({ redis: await userOf('docs/guard.md', 'tokenfence-service'), view });
    const isUp = () =>
      eventually(
        () => expect(guard.status()).toMatchObject({ view: view ? 'current' : 'off', keys: 1 }),
        30_000,
      );
    for (const name of ['before', 'after']) {
      await isUp();
      const tokens = await node.api.newUser();
      // Repeated: the first check fills a record, which the next one reads.
      await eventually(async () => {
        expect((await ask(guard, tokens)).ok).toBe(true);
        expect(guard.status().redis).toBe('reached');
      });
      expect((await ask(guard, tokens)).ok).toBe(true);
      expect((await node.api.end('logout', tokens.accessToken)).confirmed).toBe(true);
      expect(await ask(guard, tokens)).toMatchObject({ ok: false, code: 'TOKEN_REVOKED' });
      // The second round begins with an empty Redis.
      if (name === 'before') await owner.flushdb();
    }
    await guard.close();
    expect(await refused()).toEqual([]);
  },
  90_000,
);

test('a service can touch nothing else in Redis', async () => {
  const service = new Redis(await userOf('docs/guard.md', 'tokenfence-service'));
  await expect(service.set('another:key', 'another')).rejects.toThrow(/NOPERM/);
  await expect(service.publish('any', 'thing')).rejects.toThrow(/NOPERM/);
  service.disconnect();
});
