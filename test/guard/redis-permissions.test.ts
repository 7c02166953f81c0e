import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { createGuard, type ServiceGuard } from '../../src/create-guard';
import { eventually } from '../support/eventually';
import { startRedis, type TestServer } from '../support/servers';
import { createWorld, type TestNode, type World } from '../support/world';

const ISSUER = 'https://auth.example.com';
const INTROSPECTION_SECRET = 'only for tests: f6Yp2cN8sR4vK1wQ9zLm';

let redis: TestServer;
let owner: Redis;
let world: World;
let node: TestNode;
const guards: ServiceGuard[] = [];

/** Makes the user that a document describes, and answers the URL by which it connects. */
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
  world = await createWorld({ redis: await userOf('docs/deploy.md', 'tokenfence') });
  node = await world.node({ ISSUER, INTROSPECTION_SECRET });
});
afterEach(async () => {
  for (const guard of guards.splice(0)) await guard.close();
});
afterAll(async () => {
  await world.close();
  owner.disconnect();
  await redis.dispose();
});

const refused = async () =>
  ((await owner.call('ACL', 'LOG')) as unknown[][])
    .map((entry) => entry.map(String))
    // What newer clients say of themselves where they may.
    .filter((entry) => !entry.includes('client|setinfo'));

test.each([
  ['with a view', true],
  ['without a view', false],
])(
  'the users of Redis that the documents describe may do all that is needed: %s',
  async (_how, view) => {
    const guard = await createGuard({
      issuer: ISSUER,
      audience: 'api',
      jwks: `${node.url}/.well-known/jwks.json`,
      redis: await userOf('docs/guard.md', 'tokenfence-service'),
      introspection: { url: `${node.url}/oauth/introspect`, secret: INTROSPECTION_SECRET, rememberFor: 0 },
      view,
    });
    guards.push(guard);
    const isUp = () =>
      eventually(
        () => expect(guard.status()).toMatchObject({ view: view ? 'current' : 'off', keys: 1 }),
        30_000,
      );
    for (const name of ['before', 'after']) {
      await isUp();
      const tokens = await node.api.register(`${name}-${String(view)}@example.com`);
      const ask = () => guard.authenticate(`Bearer ${tokens.accessToken}`);
      // More than once: the first that finds Redis has a record filled, which the next one reads.
      await eventually(async () => {
        expect((await ask()).ok).toBe(true);
        expect(guard.status().redis).toBe('reached');
      });
      expect((await ask()).ok).toBe(true);
      expect((await node.api.end('logout', tokens.accessToken)).confirmed).toBe(true);
      expect(await ask()).toMatchObject({ ok: false, code: 'TOKEN_REVOKED' });
      // In the second round Redis is to be filled anew.
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
