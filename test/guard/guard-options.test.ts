import { generateKeyPairSync } from 'node:crypto';
import { Cluster, type ClusterOptions, Redis, type RedisOptions } from 'ioredis';
import { createGuard } from '../../src/guard/create-guard';
import type { GuardOptions } from '../../src/guard/guard-options';
import { guardMaker, trusting } from '../support/guards';

/** Refused before anything is reached. */
const newGuard = guardMaker(() => ({
  ...trusting({ url: 'http://127.0.0.1:1' }),
  redis: 'redis://127.0.0.1:1',
}));
const newJwk = (kid: string) => ({
  ...generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'jwk' }),
  kid,
});
/** A client that is never connected. */
const clusterOf = (nodes: ConstructorParameters<typeof Cluster>[0], options?: ClusterOptions) =>
  new Cluster(nodes, { ...options, lazyConnect: true });
const clientTo = (options: RedisOptions) => new Redis({ ...options, lazyConnect: true });

test.each<[string, object, RegExp]>([
  ['no issuer', { issuer: '' }, /issuer is missing/],
  ['no keys', { jwks: { keys: [] } }, /jwks is missing/],
  [
    'keys by an address that is not encrypted',
    { jwks: 'http://auth.example.com/jwks' },
    /jwks is not encrypted.*allowInsecure/,
  ],
  ['Redis without TLS', { redis: 'redis://cache.example.com' }, /redis is not encrypted.*allowInsecure/],
  ['an object that is not a client', { redis: {} }, /must be a URL or an ioredis client/],
  ['a client of another library', { redis: { duplicate: () => ({}), options: {} } }, /must be a URL or an/],
  ['a client that does not encrypt', { redis: clientTo({ host: 'cache' }) }, /client that does not encrypt/],
  [
    'a client that accepts any certificate',
    { redis: clientTo({ host: 'cache', tls: { rejectUnauthorized: false } }) },
    /accepts any certificate/,
  ],
  ['sentinels without TLS', { redis: 'redis-sentinel://127.0.0.1/main' }, /use rediss-sentinel:/],
  ['a cluster without TLS', { redis: 'redis-cluster://127.0.0.1' }, /use rediss-cluster:/],
  ['a client of a cluster, without TLS', { redis: clusterOf([{ port: 1 }]) }, /client that does not encrypt/],
  [
    'a client of a cluster, with TLS to one node',
    { redis: clusterOf(['rediss://a', 'redis://b']) },
    /client that does not encrypt/,
  ],
  [
    'a client of a cluster that accepts any certificate',
    { redis: clusterOf(['a'], { redisOptions: { tls: { rejectUnauthorized: false } } }) },
    /accepts any certificate/,
  ],
  ['a client of a cluster without nodes', { redis: clusterOf([]) }, /Cluster client without nodes/],
  [
    'a client of a cluster with SRV records',
    { redis: clusterOf(['a'], { useSRVRecords: true, redisOptions: { tls: {} } }) },
    /reads SRV records/,
  ],
  [
    'a client of sentinels, without TLS to them',
    { redis: clientTo({ sentinels: [{ host: 'a' }], name: 'm', tls: {}, enableTLSForSentinelMode: true }) },
    /client that does not encrypt.*sentinelTLS/,
  ],
  [
    'a client of sentinels, without TLS to the primary',
    { redis: clientTo({ sentinels: [{ host: '127.0.0.1' }], name: 'main', tls: {} }) },
    /client that does not encrypt/,
  ],
  ['keys that cannot be used', { jwks: { keys: [null, 1, { kty: 'RSA', kid: 'a' }] } }, /no usable key/],
  [
    'a key that is not a point on the curve',
    { jwks: { keys: [{ kty: 'EC', crv: 'P-256', kid: 'a', x: 'AA', y: 'AA' }] } },
    /no usable key/,
  ],
  [
    'a key without the name of its database, beside Redis',
    { jwks: { keys: [newJwk('a')] } },
    /no kid that names a database/,
  ],
  ['a clockSkew that is text', { clockSkew: '5000' }, /clockSkew must be a number/],
  ['a clockSkew that is not a number', { clockSkew: NaN }, /clockSkew must be a number/],
  ['introspection that is null', { introspection: null }, /introspection must be \{ url, secret \}/],
  [
    'a rememberFor that is text',
    { introspection: { url: 'https://a', secret: 'x', rememberFor: '5000' } },
    /rememberFor must be/,
  ],
  [
    'a misspelt option of introspection',
    { introspection: { url: 'https://a', secret: 'x', remember: 1 } },
    /Unknown option introspection\.remember/,
  ],
  ['a clock without its methods', { clock: {} }, /clock must have/],
  ['a logger without its methods', { logger: {} }, /logger must have/],
  ['metrics without their method', { metrics: {} }, /metrics must have/],
  ['an option that every object has', { constructor: 1 }, /Unknown option constructor/],
  ['no source of revocations', { redis: undefined }, /Revocations have no source/],
  ['a view that nothing fills', { redis: undefined, view: true }, /view: true needs secret or redis/],
  ['a secret that is not set', { redis: undefined, jwks: undefined, secret: undefined }, /secret is missing/],
  ['a secret that no header can carry', { secret: 'a\nb' }, /secret must be the INTROSPECTION_SECRET/],
  ['a server without secret', { server: 'https://a' }, /server needs secret/],
  ['an issuer that is no address', { secret: 'x', issuer: 'us' }, /server is missing: issuer is not a URL/],
  ['an issuer that is not encrypted', { secret: 'x', issuer: 'http://a' }, /issuer is not encrypted/],
  ['a server that is not encrypted', { secret: 'x', server: 'http://a' }, /server is not encrypted/],
  ['a server with a query', { secret: 'x', server: 'https://a/?b' }, /neither a query nor a fragment/],
  ['neither keys nor a secret', { jwks: undefined }, /jwks is missing/],
  ['neither view nor introspection', { view: false }, /view: false needs secret or introspection/],
  ['an option to fail open', { whenUnavailable: 'allow' }, /must be 'deny'/],
  ['a misspelt option', { isuer: 'x' }, /Unknown option isuer/],
])('%s is refused, and the error says what is wrong', async (_what, options, sentence) => {
  await expect(newGuard(options as Partial<GuardOptions>)).rejects.toThrow(sentence);
});

test('missing options are refused like wrong ones', async () => {
  for (const nothing of [undefined, null, 'redis'])
    await expect(createGuard(nothing as never)).rejects.toMatchObject({ name: 'GuardOptionsError' });
});

test('all faults are named together, without a password', async () => {
  const refused = newGuard({ issuer: '', audience: '', redis: 'redis://:hunter2@cache.example.com' });
  await expect(refused).rejects.toMatchObject({ name: 'GuardOptionsError', faults: { length: 3 } });
  await expect(refused).rejects.not.toThrow(/hunter2/);
});

test.each<[string, GuardOptions['redis']]>([
  ['a bare % in the password', 'redis://:pa%ss-hunter2@127.0.0.1:1'],
  ['the name of a database', 'redis://127.0.0.1:1/hunter2'],
  ['a client whose db is not a number', clientTo({ port: 1, db: 'hunter2' as never })],
])('%s in redis is refused like any other option', async (_what, redis) => {
  const refused = newGuard({ redis });
  await expect(refused).rejects.toMatchObject({
    name: 'GuardOptionsError',
    faults: [expect.stringMatching(/^redis /)],
  });
  await expect(refused).rejects.not.toThrow(/hunter2/);
});
