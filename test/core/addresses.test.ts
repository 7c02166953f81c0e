import { faultOfPostgresUrl } from '../../src/config/postgres-url';
import { readRedisUrl } from '../../src/core/redis-url';

test.each<[string, object]>([
  ['redis://cache.internal', { host: 'cache.internal', port: 6379, db: 0, isEncrypted: false }],
  ['rediss://cache.internal:6380/2', { host: 'cache.internal', port: 6380, db: 2, isEncrypted: true }],
  ['redis://:p%40ss%25@h', { host: 'h', password: 'p@ss%' }],
  ['redis://default:pw@[::1]:1/', { host: '::1', port: 1, username: 'default', password: 'pw', db: 0 }],
  ['redis://h?db=3&family=6', { host: 'h', db: 3, family: 6 }],
  ['redis:///1', { host: 'localhost', db: 1 }],
  ['REDIS://h', { host: 'h' }],
  ['/run/redis.sock?db=4', { path: '/run/redis.sock', db: 4, isEncrypted: false }],
])('the Redis address %s is read as ioredis reads it', (url, address) => {
  expect(readRedisUrl(url)).toMatchObject(address);
});

test.each([
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
  expect(read.fault).toMatch(/^(must|has|is) .*[^.]$|^(must|has|is) .*\.$/);
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
