import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Cluster, Redis } from 'ioredis';
import { connectRedis, type RedisSource } from '../../src/redis/client';
import { keysOf } from '../../src/redis/keys';
import { startNodeProcess } from '../support/node-process';
import { untilViewIsCurrent } from '../support/probes';
import type { ServerTls } from '../support/redis-member';
import { startRedisCluster } from '../support/redis-cluster';
import { startSentinelSet } from '../support/redis-sentinels';
import { createWorld } from '../support/world';

const folder = mkdtempSync(join(tmpdir(), 'redis-tls-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Makes an authority, and a certificate of it for 127.0.0.1. */
function makeCertificates(): ServerTls {
  const at = (name: string) => join(folder, name);
  const run = (...args: string[]) => execFileSync('openssl', args, { stdio: 'ignore' });
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  run('req', '-x509', ...newKey, '-subj', '/CN=authority', '-keyout', at('ca.key'), '-out', at('ca.crt'));
  const signed = ['-CA', at('ca.crt'), '-CAkey', at('ca.key'), '-addext', 'subjectAltName=IP:127.0.0.1'];
  const ours = ['-subj', '/CN=redis', '-keyout', at('key.pem'), '-out', at('cert.pem')];
  run('req', '-x509', ...newKey, ...signed, '-addext', 'basicConstraints=critical,CA:FALSE', ...ours);
  return { ca: at('ca.crt'), cert: at('cert.pem'), key: at('key.pem') };
}

const tls = makeCertificates();
const ca = readFileSync(tls.ca);

/** What a user of ours may do, and nothing else: no CLUSTER, no CLIENT, no ROLE. */
const USER =
  'tokenfence on >s3cret/pass resetchannels ~{tokenfence:* -@all +info +eval +evalsha +exists +get +set +del +unlink +pexpire +pttl +incrby +hget +hset +hmget +hgetall +hdel +hexists +hincrby +xadd +xtrim +xread +xrevrange +time +wait';
const LOGIN = { username: 'tokenfence', password: 's3cret/pass' };
const options = { tls, password: 'of-default', users: [USER] };
const { epoch } = keysOf('0190a000-0000-7000-8000-000000000000');

/** Connects once. Returns why not, if not. */
async function tryOnce(source: RedisSource): Promise<string | undefined> {
  let failure: string | undefined;
  const connection = connectRedis(source, { failed: (reason) => void (failure ??= reason) }, epoch);
  await connection.tried;
  await connection.run((client) => client.hset(epoch, 'field', 1)).catch(() => undefined);
  connection.close();
  return failure;
}

/** Starts a node of its own process, which trusts the authority, and expects it to confirm a logout. */
async function expectNodeOn(url: string): Promise<void> {
  const world = await createWorld({ redis: url });
  const node = await startNodeProcess({
    DATABASE_URL: world.databaseUrl,
    REDIS_URL: url,
    REDIS_WAIT_REPLICAS: '0',
    NODE_EXTRA_CA_CERTS: tls.ca,
  });
  try {
    await untilViewIsCurrent(node);
    const tokens = await node.api.newUser();
    expect((await node.api.end('logout', tokens.accessToken)).confirmed).toBe(true);
    expect((await node.api.me(tokens.accessToken)).reason).toBe('TOKEN_REVOKED');
  } finally {
    node.signal('SIGTERM');
    await node.ended;
    await world.close();
  }
}

test('a cluster with TLS, for a user of few rights', async () => {
  const cluster = await startRedisCluster({ ...options, primaries: 2, replicas: 0 });
  try {
    const url = cluster.url.replace('://', '://tokenfence:s3cret%2Fpass@');
    await expectNodeOn(url);

    const nodes = cluster.members.map(({ port }) => ({ host: '127.0.0.1', port }));
    const clientOf = (redisOptions: object) => new Cluster(nodes, { lazyConnect: true, redisOptions });
    for (const node of nodes)
      expect(
        await tryOnce(
          new Cluster([node], { lazyConnect: true, redisOptions: { ...LOGIN, tls: { ca } } }) as never,
        ),
      ).toBeUndefined();
    // The authority is unknown here.
    expect(await tryOnce(url)).toMatch(/certificate/);
    expect(await tryOnce(clientOf({ ...LOGIN, tls: {} }) as never)).toMatch(/certificate/);
    expect(await tryOnce(clientOf({ ...LOGIN, password: 'x', tls: { ca } }) as never)).toMatch(/WRONGPASS/);
    expect(await tryOnce(clientOf({ tls: { ca } }) as never)).toMatch(/NOAUTH/);
  } finally {
    await cluster.dispose();
  }
});

test('sentinels with TLS and a password of their own, for a user of few rights', async () => {
  const sentinelPassword = 'of/sentinels';
  const set = await startSentinelSet({
    ...options,
    sentinelPassword,
    replicas: 0,
    sentinels: 1,
    attentive: true,
  });
  try {
    const url = set.url.replace('://', '://tokenfence:s3cret%2Fpass@');
    await expectNodeOn(`${url}?sentinelUsername=default&sentinelPassword=of%2Fsentinels`);

    const clientOf = (more: object) =>
      new Redis({
        lazyConnect: true,
        sentinels: set.sentinels.map(({ port }) => ({ host: '127.0.0.1', port })),
        name: set.name,
        ...LOGIN,
        sentinelPassword,
        tls: { ca },
        sentinelTLS: { ca },
        enableTLSForSentinelMode: true,
        ...more,
      });
    expect(await tryOnce(clientOf({}))).toBeUndefined();
    expect(await tryOnce(`${url}?sentinelPassword=of%2Fsentinels`)).toMatch(/certificate/);
    expect(await tryOnce(clientOf({ tls: {} }))).toMatch(/certificate/);
    expect(await tryOnce(clientOf({ sentinelTLS: {} }))).toMatch(/certificate/);
    expect(await tryOnce(clientOf({ sentinelPassword: undefined }))).toMatch(/NOAUTH/);
    expect(await tryOnce(clientOf({ sentinelPassword: 'x' }))).toMatch(/WRONGPASS/);
    expect(await tryOnce(clientOf({ password: 'x' }))).toMatch(/WRONGPASS/);
  } finally {
    await set.dispose();
  }
});
