import { faultOfPostgresUrl } from '../../src/config/postgres-url';
import { readRedisUrl } from '../../src/core/redis-url';

test.each<[string, object]>([
  ['redis://cache.internal', { host: 'cache.internal', port: 6379, db: 0, isEncrypted: false }],
  ['rediss://cache.internal:6380/2', { host: 'cache.internal', port: 6380, db: 2, isEncrypted: true }],
  ['redis://:p%40ss%25@h', { host: 'h', password: 'p@ss%' }],
  ['redis://default:pw@[::1]:1/', { host: '::1', port: 1, username: 'default', password: 'pw', db: 0 }],
  ['redis://h?db=3&family=6', { host: 'h', db: 3, family: 6 }],
  ['redis:///1', { host: 'localhost', db: 1 }],
  ['REDIS://h', { kind: 'one', host: 'h' }],
  ['/run/redis.sock?db=4', { path: '/run/redis.sock', db: 4, isEncrypted: false }],
])('the Redis address %s is read as ioredis reads it', (url, address) => {
  expect(readRedisUrl(url)).toMatchObject(address);
});

test.each<[string, object]>([
  [
    'redis-sentinel://a,b:1,[::1]:2/mymaster',
    {
      kind: 'sentinels',
      hosts: [
        { host: 'a', port: 26_379 },
        { host: 'b', port: 1 },
        { host: '::1', port: 2 },
      ],
      name: 'mymaster',
      db: 0,
      isEncrypted: false,
      sentinelUser: {},
    },
  ],
  [
    'rediss-sentinel://u:p%40,%2F@a/my-main.1/2?sentinelUsername=s&sentinelPassword=q%26&family=6',
    {
      isEncrypted: true,
      username: 'u',
      password: 'p@,/',
      hosts: [{ host: 'a', port: 26_379 }],
      name: 'my-main.1',
      db: 2,
      family: 6,
      sentinelUser: { username: 's', password: 'q&' },
    },
  ],
  [
    'redis-cluster://:pw@a:7000,b',
    {
      kind: 'cluster',
      password: 'pw',
      hosts: [
        { host: 'a', port: 7000 },
        { host: 'b', port: 6379 },
      ],
      isEncrypted: false,
    },
  ],
  ['REDISS-CLUSTER://a:7000/0?username=u', { kind: 'cluster', username: 'u', isEncrypted: true }],
  [`redis-cluster://${'h,'.repeat(19)}h`, { kind: 'cluster' }],
])('the address %s of a set is read', (url, address) => {
  expect(readRedisUrl(url)).toMatchObject(address);
});

test.each([
  'redis://a,hunter2',
  'redis-cluster://a,hunter2:port',
  'redis-cluster://a,,hunter2',
  'redis-cluster://hunter2/1',
  'redis-cluster://hunter2/name',
  'redis-cluster://h?db=1&hunter2',
  'redis-cluster://u:hunter2@h,u:hunter2@h',
  `redis-cluster://hunter2${',h'.repeat(20)}`,
  'redis-sentinel://h/hunter2/x',
  'redis-sentinel://h/hunter2/1/2',
  'redis-sentinel://h/hunter2%20x',
  'redis-sentinel://u:12/hunter2@h/mymaster',
  'redis-sentinel://h/m?masterName=hunter2',
  'redis-cluster://h?sentinelPassword=hunter2',
  'redis-sentinels://hunter2',
  'redisss://hunter2',
  'redis:pa%ss-hunter2@h',
  'redis://:pa%ss-hunter2@h',
  'redis://:%ff-hunter2@h',
  'redis://u:12#hunter2@h:6379',
  'redis://u:12/hunter2@h:6379',
  'redis://u:12?hunter2@h:6379',
  'redis://h/hunter2',
  'redis://h/1/hunter2',
  'redis://h/-1',
  'redis://h?db=hunter2',
  'redis://h?family=5',
  'redis://h?hunter2=true',
  'redis://u:hunter2@h:port',
  'hunter2:6379',
  'http://hunter2/',
  '//hunter2',
  '/run/redis.sock?hunter2=1',
])('the Redis address %s is refused with a sentence that does not repeat it', (url) => {
  const read = readRedisUrl(url) as { fault: string };
  expect(read.fault).toMatch(/^(must|has|is|names) .*[^.]$|^(must|has|is|names) .*\.$/);
  expect(read.fault).not.toContain('hunter2');
});

test.each([
  'postgres://user:p%40ss@db.internal:5432/app?sslmode=verify-full',
  'postgresql://db.internal',
  'postgres://user@/db?host=/run/postgresql',
  'postgres:///db?host=/run/postgresql&port=5433&user=app',
  'postgres://user@%2Frun%2Fpostgresql:5432/db',
  'postgresql://u:p@db.internal/app?sslmode=require&channel_binding=require',
  'postgres://db.internal/app?user=app@tenant&password=pw',
  'postgres://u:p w@db.internal/app',
  'socket:/run/postgresql?db=app',
  '/run/postgresql app',
])('the Postgres address %s is accepted, as the driver accepts it', (url) => {
  expect(faultOfPostgresUrl(url)).toBeUndefined();
});

test.each([
  'postgres://u:pa%ss-hunter2@h/db',
  'postgres://u:%ff-hunter2@h/db',
  'postgres://u:12#hunter2@h/db',
  'postgres://u:12/hunter2@h/db',
  'postgres://u:12?hunter2@h/db',
  'postgres://u:hunter2@h:port/db',
  'postgres://u@h/db?port=hunter2',
  'postgres://u:hunter2 %20@h/db',
  'mysql://hunter2/db',
  'hunter2',
])('the Postgres address %s is refused with a sentence that does not repeat it', (url) => {
  const fault = faultOfPostgresUrl(url);
  expect(fault).toMatch(/^(must|has|is) /);
  expect(fault).not.toContain('hunter2');
});
