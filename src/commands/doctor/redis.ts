import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import { readRedisUrl } from '../../core/redis-url';
import { connectRedis, type RedisConnection } from '../../redis/client';
import { type Keys, keysOf } from '../../redis/keys';
import { THIS_SERVER } from '../../redis/script';
import { refusedDatabase } from '../../server/wire-revocation';
import { compareClock } from './clock';
import { collect, fault, type Finding, note, well } from './finding';

/** ms for which the doctor waits for an answer. */
const PATIENCE = 5000;

export interface RedisSettings {
  readonly url: string;
  readonly waitReplicas: number;
  /** ms */
  readonly clockSkew: number;
}

/** The commands of a node, on keys with random names. */
const commandsOn = (key: string, stream: string): (readonly (string | number)[])[] => [
  ['EVAL', 'return 1', 0],
  ['EVALSHA', '0'.repeat(40), 0],
  ['HSET', key, 'field', 1],
  ['PEXPIRE', key, 60_000],
  ['HGET', key, 'field'],
  ['HMGET', key, 'field'],
  ['HGETALL', key],
  ['HEXISTS', key, 'field'],
  ['HINCRBY', key, 'field', 1],
  ['HDEL', key, 'other'],
  ['EXISTS', key],
  ['PTTL', key],
  ['DEL', key],
  ['SET', key, '1', 'PX', 60_000],
  ['GET', key],
  ['INCRBY', key, 1],
  ['XADD', stream, '*', 'field', '1'],
  ['XTRIM', stream, 'MAXLEN', 0],
  ['XREAD', 'COUNT', 1, 'STREAMS', stream, '0'],
  ['XREVRANGE', stream, '+', '-', 'COUNT', 1],
  ['TIME'],
  ['WAIT', 0, 1],
  ['UNLINK', key, stream],
];

async function checkRights(client: Redis, { epoch, stream }: Keys): Promise<Finding> {
  const missing: string[] = [];
  for (const [name, ...args] of commandsOn(epoch, stream)) {
    try {
      await client.call(String(name), ...args);
    } catch (error) {
      const { message } = error as Error;
      if (/^NOPERM/.test(message)) missing.push(String(name).toLowerCase());
      else if (!/^NOSCRIPT/.test(message))
        return fault(
          'Redis',
          `it refuses ${String(name)}: ${message}. Point REDIS_URL to a primary that accepts writes.`,
        );
    }
  }
  if (missing.length === 0) return well('Redis', 'its user may run every command that Tokenfence needs.');
  const rights = missing.map((name) => `+${name}`).join(' ');
  return fault(
    'Redis',
    `its user lacks rights. Give it: ACL SETUSER <user> '~{tokenfence:*' ${rights}, and save the ACL.`,
  );
}

/** Whether a script can tell which server it runs on. A script that may not run at all is a matter of rights. */
async function checkScripts(client: Redis): Promise<Finding[]> {
  const said = await client.eval(`${THIS_SERVER} return ''`, 0).catch(wordsOf);
  const [, reason] = /(Tokenfence needs [^.]*)/.exec(String(said)) ?? [];
  return reason === undefined ? [] : [fault('Redis', `${reason}. Use another Redis.`)];
}

const fieldsOf = (info: string) =>
  new Map([...info.matchAll(/^(\w+):([^\r\n]*)/gm)].map(([, name = '', value = '']) => [name, value]));

/** Judges what only a set of servers has: replicas, and slots. */
function* judgeSet(info: ReadonlyMap<string, string>, { url, waitReplicas }: RedisSettings) {
  const address = readRedisUrl(url);
  const isOne = !('fault' in address) && address.kind === 'one';
  if (isOne && info.get('cluster_enabled') === '1')
    yield fault('Redis', 'it is a node of a cluster. Begin REDIS_URL with redis-cluster://.');
  const replicas = Number(info.get('connected_slaves') ?? 0);
  if (replicas > 0 && waitReplicas === 0)
    yield note(
      'Redis',
      `${replicas === 1 ? '1 replica follows' : `${replicas} replicas follow`} it, but REDIS_WAIT_REPLICAS is 0. If one may take over, set it, see docs/redis.md.`,
    );
  if (replicas < waitReplicas)
    yield fault(
      'Redis',
      `it has ${replicas} of the ${waitReplicas} replicas in REDIS_WAIT_REPLICAS, so no logout can be confirmed.`,
    );
}

function* judgeInfo(info: ReadonlyMap<string, string>): Generator<Finding> {
  const version = info.get('redis_version') ?? 'unknown';
  const major = Number.parseInt(version, 10);
  yield major >= 6 || Number.isNaN(major)
    ? well('Redis', `version ${version}.`)
    : fault('Redis', `version ${version} is too old. Use 6.2 or later.`);
  yield info.get('run_id') && info.get('master_replid')
    ? well('Redis', 'INFO shows run_id and master_replid.')
    : fault(
        'Redis',
        'INFO does not show run_id or master_replid, which nodes need to notice a restart. Use another Redis.',
      );
  if (info.get('role') === 'slave') yield fault('Redis', 'it is a replica. Point REDIS_URL to the primary.');
  const policy = info.get('maxmemory_policy');
  if (policy !== undefined)
    yield policy === 'noeviction'
      ? well('Redis', 'maxmemory-policy is noeviction.')
      : fault(
          'Redis',
          `maxmemory-policy is ${policy}, so counts of attempts may be evicted. Set it to noeviction.`,
        );
  if (info.get('aof_enabled') === '0')
    yield note('Redis', 'appendonly is off: a restart forgets the counts of attempts. Set appendonly yes.');
}

/** Reads the clock of Redis, ms since the epoch. */
async function readTime(client: Redis): Promise<number> {
  const [seconds, microseconds] = await client.time();
  return Number(seconds) * 1000 + Number(microseconds) / 1000;
}

async function* lookAt(
  connection: RedisConnection,
  keys: Keys,
  settings: RedisSettings,
): AsyncGenerator<Finding> {
  const run = <T>(work: (client: Redis) => Promise<T>) => connection.run(work, PATIENCE);
  yield well('Redis', 'REDIS_URL can be reached.');
  const info = await run((client) => client.info()).catch(wordsOf);
  if (/^NOPERM/.test(info))
    yield fault('Redis', 'its user may not run INFO. Give it: ACL SETUSER <user> +info, and save the ACL.');
  else {
    yield* judgeInfo(fieldsOf(info));
    yield* judgeSet(fieldsOf(info), settings);
  }
  yield await run((client) => checkRights(client, keys));
  yield* await run(checkScripts);
  // If the user may not read the clock, the previous finding says so.
  const clock = await compareClock('Redis', () => run(readTime), settings.clockSkew).catch(() => undefined);
  if (clock) yield clock;
}

const wordsOf = (error: unknown): string => {
  const { cause, message } = error as Error;
  return cause instanceof Error ? cause.message : message;
};

/** Examines the Redis of the nodes. Leaves no data there. */
export async function examineRedis(settings: RedisSettings): Promise<Finding[]> {
  const { url } = settings;
  let reason = 'no answer';
  const keys = keysOf(randomUUID());
  const connection = connectRedis(url, { failed: (why) => void (reason = why) }, keys.epoch);
  try {
    await connection.tried;
    const { refusal } = connection;
    if (refusal !== undefined) return [fault('Redis', refusedDatabase(refusal))];
    return await collect(lookAt(connection, keys, settings));
  } catch (error) {
    const words = wordsOf(error);
    const why = words === 'Redis is not connected' ? reason : words;
    const text = `REDIS_URL cannot be reached: ${why}. Check that Redis runs, and the user and password.`;
    return [fault('Redis', text)];
  } finally {
    connection.close();
  }
}
