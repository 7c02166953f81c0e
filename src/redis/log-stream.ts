import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import { serviceUnavailable } from '../core/errors';
import { type Beat, BEGINNING, type LogStream, type Nodes, type Stale } from '../core/ports/log-stream';
import type { LoggedRevocation } from '../core/revocation';
import type { RedisConnection } from './client';
import { effectOf, MERGE } from './effect';
import { ONLY_WITH_STREAM, THIS_SERVER } from './epoch';
import type { Keys } from './keys';
import { defineScript, type Reply, type Script } from './script';

/** ms after which all of it leaves a Redis that no node has used since. */
const UNUSED_FOR = 7 * 24 * 3_600_000;

/** ms for which an entry is kept in the stream beyond the time at which it can matter no more. */
const SLACK = 60_000;

/** ms that a healer may be silent before another node takes over. */
const HEALER_TTL = 10_000;

/** ms that replicas get to acknowledge. */
const REPLICAS_TIMEOUT = 500;

// KEYS: epoch, stream, healer. ARGV: a new id, ms, the lease and the replicas, each nothing from one who does not know. The
// stream is made empty rather than not at all, so that its loss can be told. The replicas only grow: who waits for fewer
// than others would undo their care.
const hello = defineScript(`${THIS_SERVER}
  local epoch = redis.call('HMGET', KEYS[1], 'id', 'run', 'seq')
  if not epoch[1] or epoch[2] ~= run or redis.call('EXISTS', KEYS[2]) == 0 then
    redis.call('UNLINK', KEYS[1], KEYS[2], KEYS[3])
    redis.call('XADD', KEYS[2], '*', 'new', '')
    redis.call('XTRIM', KEYS[2], 'MAXLEN', 0)
    redis.call('HSET', KEYS[1], 'id', ARGV[1], 'run', run, 'seq', 0)
    epoch = {ARGV[1], run, '0'}
  end
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
  redis.call('PEXPIRE', KEYS[2], ARGV[2])
  if ARGV[3] ~= '' then redis.call('HSET', KEYS[1], 'lease', ARGV[3]) end
  if tonumber(ARGV[4]) > tonumber(redis.call('HGET', KEYS[1], 'replicas') or 0) then
    redis.call('HSET', KEYS[1], 'replicas', ARGV[4])
  end
  local more = redis.call('HMGET', KEYS[1], 'filled', 'lease', 'replicas')
  local last = redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', 1)
  return {epoch[1], epoch[3], last[1] and last[1][1] or '${BEGINNING}', more[1], more[2], more[3]}`);

// KEYS: epoch, stream. ARGV: id, ms, the longest token lifetime, node or nothing, its position. The count makes each
// beat differ from the one before, and the call a write, which a server that takes none refuses.
const beat = defineScript(`${ONLY_WITH_STREAM}
  local count = redis.call('HINCRBY', KEYS[1], 'beats', 1)
  if ARGV[4] ~= '' then redis.call('HSET', KEYS[1], 'n:' .. ARGV[4], ARGV[5] .. ':' .. count) end
  if tonumber(ARGV[3]) > tonumber(redis.call('HGET', KEYS[1], 'ttl') or 0) then
    redis.call('HSET', KEYS[1], 'ttl', ARGV[3])
  end
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
  redis.call('PEXPIRE', KEYS[2], ARGV[2])
  return redis.call('HMGET', KEYS[1], 'seq', 'filled', 'ttl', 'asof')`);

// Trimmed by what has expired, by the clock of Postgres: never by count, which would take what still matters. ARGV[2] and
// ARGV[3] are that clock, as this call knows it, and the last expiry of its entries, if it has any. `keep` is how far an entry's expiry lies
// behind its place in the stream, at most: so the clock of Redis, which gives the places, need not be right. How far the
// stream may have been trimmed is noted in `asof`.
const APPEND = `
  local function append(payload)
    local seq = redis.call('HINCRBY', KEYS[1], 'seq', 1)
    redis.call('XADD', KEYS[2], '*', 'epoch', ARGV[1], 'seq', seq, 'entry', payload)
  end
  local function trim()
    local known = redis.call('HMGET', KEYS[1], 'keep', 'asof')
    local asof = math.max(tonumber(ARGV[2]), tonumber(known[2] or 0))
    redis.call('HSET', KEYS[1], 'asof', string.format('%d', asof))
    if ARGV[3] == '' then return end
    local keep = tonumber(ARGV[3]) - redis.call('TIME')[1] * 1000
    keep = math.max(keep, tonumber(known[1] or keep))
    redis.call('HSET', KEYS[1], 'keep', string.format('%d', keep))
    redis.call('XTRIM', KEYS[2], 'MINID', '~', string.format('%d', math.max(0, asof - keep)))
  end`;

// KEYS: epoch, stream, then for each entry its subject's record and ticket. ARGV: id, ms, ms, then for each entry the payload,
// how many denied ids there are, the version and the denied ids. It must not make a record: what it knows is one fact,
// and a record claims to hold all of them. The ticket goes, as whoever holds it may have read Postgres before this.
const publish = defineScript(`${ONLY_WITH_STREAM}
  ${MERGE}
  ${APPEND}
  local at = 4
  for key = 3, #KEYS, 2 do
    local last = at + 2 + tonumber(ARGV[at + 1])
    redis.call('DEL', KEYS[key + 1])
    if redis.call('EXISTS', KEYS[key]) == 1 then merge(KEYS[key], at + 2, last) end
    append(ARGV[at])
    at = last + 1
  end
  trim()
  return redis.call('HGETALL', KEYS[1])`);

// KEYS: epoch, stream, healer. ARGV: id, ms, ms, node, ms, whether it is the last part, then the payloads.
const heal = defineScript(`${ONLY_WITH_STREAM}
  ${APPEND}
  local healer = redis.call('GET', KEYS[3])
  if redis.call('HEXISTS', KEYS[1], 'filled') == 1 or (healer and healer ~= ARGV[4]) then return 'TAKEN' end
  redis.call('SET', KEYS[3], ARGV[4], 'PX', ARGV[5])
  for i = 7, #ARGV do append(ARGV[i]) end
  trim()
  if ARGV[6] == '1' then
    redis.call('HSET', KEYS[1], 'filled', 1)
    redis.call('DEL', KEYS[3])
  end
  return 'OK'`);

// KEYS: epoch, stream. ARGV: id. In one step: the nodes of another epoch would tell nothing.
const readNodes = defineScript(`${ONLY_WITH_STREAM}
  return redis.call('HGETALL', KEYS[1])`);

// KEYS: epoch, stream. ARGV: id, then node and beat by turns. A node that has beaten since stays.
const removeNodes = defineScript(`${ONLY_WITH_STREAM}
  for i = 2, #ARGV, 2 do
    local field = 'n:' .. ARGV[i]
    if redis.call('HGET', KEYS[1], field) == ARGV[i + 1] then redis.call('HDEL', KEYS[1], field) end
  end
  return 'OK'`);

// KEYS: epoch, stream. ARGV: id, node.
const leave = defineScript(`${ONLY_WITH_STREAM}
  redis.call('HDEL', KEYS[1], 'n:' .. ARGV[2])
  return 'OK'`);

function nodesOf(fields: readonly string[]): { nodes: Nodes; position: number } {
  const nodes = new Map<string, { position: number; beat: string }>();
  let position = 0;
  for (let i = 0; i < fields.length; i += 2) {
    const [name = '', value = ''] = [fields[i], fields[i + 1]];
    if (name === 'seq') position = Number(value);
    if (name.startsWith('n:'))
      nodes.set(name.slice(2), { position: Number(value.split(':')[0]), beat: value });
  }
  return { nodes, position };
}

/** The clock of Postgres, as these entries know it, and the last moment at which one of them can matter. */
const timesOf = (entries: readonly LoggedRevocation[], asOf = 0) => [
  Math.max(asOf, ...entries.map(({ revokedAt }) => revokedAt)),
  entries.length === 0 ? '' : Math.max(...entries.map(({ expiresAt }) => expiresAt)) + SLACK,
];

export interface LogStreamSettings {
  /** ms; the lease of the fleet. A process that is none of the nodes learns it from them. */
  readonly lease?: number;
  /** How many replicas must have acknowledged a beat or a publication before it counts: at least as many as others wait for. */
  readonly replicas?: number;
}

export function createLogStream(
  connection: RedisConnection,
  keys: Keys,
  { lease, replicas: wanted = 0 }: LogStreamSettings = {},
): LogStream {
  const both = [keys.epoch, keys.stream];
  let replicas = wanted;

  /** Counts only once the replicas have it: one that is promoted may then lack nothing that was answered. */
  const replicated = async (client: Redis, reply: Promise<Reply>) => {
    const answer = await reply;
    if (replicas > 0 && answer !== 'STALE') {
      const acknowledged = await client.wait(replicas, REPLICAS_TIMEOUT);
      if (acknowledged < replicas)
        throw serviceUnavailable(
          new Error(`only ${acknowledged} of ${replicas} replicas of Redis acknowledge`),
        );
    }
    return answer;
  };

  const run = (script: Script, names: string[], args: (string | number)[]) =>
    connection.run((client) => script(client, names, args));
  const runReplicated = (script: Script, names: string[], args: (string | number)[]) =>
    connection.run((client) => replicated(client, script(client, names, args)));

  const sendBeat = async (
    epochId: string,
    ttl: number,
    node: string,
    position: number,
  ): Promise<Beat | Stale> => {
    const reply = await runReplicated(beat, both, [epochId, UNUSED_FOR, ttl, node, position]);
    if (reply === 'STALE') return reply;
    const [tail, filled, longest, asOf] = reply as [string, string | null, string, string | null];
    return {
      tail: Number(tail),
      filled: filled !== null,
      longestTokenTtl: Number(longest),
      asOf: Number(asOf ?? 0),
    };
  };

  return {
    async hello() {
      const args = [randomUUID(), UNUSED_FOR, lease ?? '', wanted];
      const reply = await connection.run(async (client) => {
        const answer = hello(client, [...both, keys.healer], args);
        replicas = Math.max(wanted, Number(((await answer) as Reply[])[5] ?? 0));
        return replicated(client, answer);
      });
      const [id, tail, cursor, filled, agreedLease] = reply as [
        string,
        string,
        string,
        string | null,
        string | null,
      ];
      return {
        id,
        tail: Number(tail),
        cursor,
        filled: filled !== null,
        lease: agreedLease === null ? undefined : Number(agreedLease),
      };
    },

    beat: (epochId, { node, position, tokenTtl }) => sendBeat(epochId, tokenTtl, node, position),
    probe: (epochId) => sendBeat(epochId, 0, '', 0),

    async publish(epochId, entries) {
      const effects = entries.map((entry) => ({ payload: JSON.stringify(entry), ...effectOf(entry) }));
      const reply = await runReplicated(
        publish,
        [
          ...both,
          ...effects.flatMap(({ subject }) => [keys.record(epochId, subject), keys.ticket(epochId, subject)]),
        ],
        [
          epochId,
          ...timesOf(entries),
          ...effects.flatMap(({ payload, version, denied }) => [payload, denied.length, version, ...denied]),
        ],
      );
      return reply === 'STALE' ? reply : { epochId, ...nodesOf(reply as string[]) };
    },

    async nodes(epochId) {
      const reply = await run(readNodes, both, [epochId]);
      return reply === 'STALE' ? reply : nodesOf(reply as string[]).nodes;
    },

    async remove(epochId, beats) {
      await run(removeNodes, both, [epochId, ...[...beats].flat()]);
    },

    async leave(epochId, node) {
      await run(leave, both, [epochId, node]);
    },

    async heal(epochId, node, entries, isLast, asOf) {
      const reply = await run(
        heal,
        [...both, keys.healer],
        [
          epochId,
          ...timesOf(entries, asOf),
          node,
          HEALER_TTL,
          isLast ? 1 : 0,
          ...entries.map((entry) => JSON.stringify(entry)),
        ],
      );
      return reply as 'OK' | 'TAKEN' | Stale;
    },
  };
}
