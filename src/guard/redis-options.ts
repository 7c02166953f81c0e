import { readRedisUrl } from '../core/redis-url';
import { readStartupNodes } from '../redis/source';
import { hasMethods, isObject, isText, LOOPBACK } from './predicates';

function faultOfRedisUrl(text: string, allowPlain: boolean): string | undefined {
  const address = readRedisUrl(text);
  if ('fault' in address) return `redis ${address.fault}`;
  // A set may name servers elsewhere.
  const isHere = address.kind === 'one' && (address.path !== undefined || LOOPBACK.test(address.host));
  if (allowPlain || address.isEncrypted || isHere) return undefined;
  const encrypted = address.kind === 'one' ? 'rediss://' : `rediss-${address.kind.replace(/s$/, '')}://`;
  return `redis is not encrypted: use ${encrypted}, or set allowInsecure: true.`;
}

// ioredis sets `true` for a rediss: URL. A connection that accepts any certificate proves nothing.
const isVerified = (tls: unknown) => tls === true || (isObject(tls) && tls.rejectUnauthorized !== false);

function faultOfTls(isEncrypted: boolean, more = '') {
  if (isEncrypted) return undefined;
  return `redis is a client that does not encrypt, or accepts any certificate: set tls${more} without rejectUnauthorized: false, or set allowInsecure: true.`;
}

function faultOfClient(options: Record<string, unknown>, allowPlain: boolean): string | undefined {
  const { host, path, db, tls, sentinels, enableTLSForSentinelMode, sentinelTLS } = options;
  // ioredis turns a non-numeric database in a URL into NaN, which later crashes the process.
  if (db !== undefined && db !== null && !(Number.isInteger(Number(db)) && Number(db) >= 0))
    return 'redis has an invalid db in its client options: use the number of a database.';
  const isHere = !sentinels && (isText(path) || (isText(host) && LOOPBACK.test(host)));
  if (allowPlain || isHere) return undefined;
  if (!sentinels) return faultOfTls(isVerified(tls));
  // A changed answer of a sentinel leads the guard to another Redis.
  return faultOfTls(
    isVerified(tls) && isVerified(sentinelTLS) && enableTLSForSentinelMode === true,
    ' and sentinelTLS, with enableTLSForSentinelMode: true,',
  );
}

function faultOfCluster({ startupNodes, options }: Record<string, unknown>, allowPlain: boolean) {
  if (!Array.isArray(startupNodes) || startupNodes.length === 0 || !isObject(options))
    return 'redis is a Cluster client without nodes.';
  if (options.useSRVRecords === true)
    return 'redis is a Cluster client that reads SRV records: name some nodes instead.';
  if (allowPlain) return undefined;
  const { tls } = (options.redisOptions ?? {}) as { readonly tls?: unknown };
  return faultOfTls(isVerified(tls) || readStartupNodes(startupNodes).every((node) => isVerified(node.tls)));
}

/** Returns a sentence on what is wrong with the option `redis`. */
export function faultOfRedis(redis: unknown, allowPlain: boolean): string | undefined {
  if (typeof redis === 'string') return faultOfRedisUrl(redis, allowPlain);
  if (isObject(redis) && 'startupNodes' in redis) return faultOfCluster(redis, allowPlain);
  if (!hasMethods(redis, 'evalsha', 'duplicate') || !isObject((redis as { options?: unknown }).options))
    return 'redis must be a URL or an ioredis client.';
  return faultOfClient((redis as { options: Record<string, unknown> }).options, allowPlain);
}
