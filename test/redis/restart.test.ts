import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { startRedisBy, type TestServer } from '../support/servers';
import { createWorld, type World } from '../support/world';

const ROOT = join(__dirname, '../..');

/** The code blocks in the documents that contain this line. */
function blocksWith(line: RegExp): string[] {
  const documents = ['README.md', ...readdirSync(join(ROOT, 'docs')).map((name) => join('docs', name))];
  return documents
    .filter((name) => name.endsWith('.md'))
    .flatMap((name) => [...readFileSync(join(ROOT, name), 'utf8').matchAll(/^```\w*\n(.*?)^```/gms)])
    .map(([, text = '']) => text)
    .filter((text) => line.test(text));
}

let redis: TestServer;
let world: World;
let other: Redis;
const connect = () => {
  const url = new URL(redis.url);
  url.username = 'other';
  url.password = 'pw';
  return new Redis(url.href);
};

beforeAll(async () => {
  const [configuration, ...more] = blocksWith(/^user default off/m);
  if (configuration === undefined || more.length > 0) throw new Error('One document describes redis.conf.');
  const [, name, password] = /^user (tokenfence) on >(\S+)/m.exec(configuration) ?? [];
  const services = blocksWith(/^user tokenfence-service on/m);
  const application = 'user other on >pw ~* &* +@all';
  redis = await startRedisBy(
    [configuration, ...services, application].join('\n'),
    `${String(name)}:${String(password)}`,
  );
  world = await createWorld({ redis: redis.url });
  other = connect();
});
afterAll(async () => {
  other.disconnect();
  await world.close();
  await redis.dispose();
});

test('a Redis set up as documented loses nothing when it is restarted', async () => {
  const node = await world.node({ RATE_LIMIT: 'on' });
  await node.api.register('counted@example.com');
  await other.multi().set('of another application', 'kept').exec();
  const counters = (await other.keys('*:limit:*')).sort();
  expect(counters).not.toEqual([]);
  other.disconnect();
  await redis.kill();
  await redis.start();
  other = connect();
  expect(await other.get('of another application')).toBe('kept');
  expect((await other.keys('*:limit:*')).sort()).toEqual(counters);
});

test('in a Redis set up as documented, the default user cannot log in', async () => {
  const { hostname, port } = new URL(redis.url);
  const nobody = new Redis({
    host: hostname,
    port: Number(port),
    lazyConnect: true,
    retryStrategy: () => null,
  });
  nobody.on('error', () => undefined);
  await expect(nobody.connect().then(() => nobody.get('any'))).rejects.toThrow(/NOAUTH|closed/);
  nobody.disconnect();
});
