import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import { serviceUnavailable } from '../core/errors';
import type { Beat, LogStream, Nodes, Stale } from '../core/ports/log-stream';
import type { LoggedRevocation } from '../core/revocation';
import type { RedisConnection } from './client';
import { effectOf } from './effect';
import type { Keys } from './keys';
import { beat, heal, hello, leave, publish, readNodes, removeNodes } from './log-scripts';
import type { Reply, Script } from './script';

/** ms after which the epoch and the stream expire if no node uses them. */
const UNUSED_FOR = 7 * 24 * 3_600_000;

/** ms for which an entry is kept in the stream after it has expired. */
const SLACK = 60_000;

/** ms without progress after which another node may fill the stream. */
const HEALER_TTL = 10_000;

/** ms for which replicas may take to acknowledge a write. */
const REPLICAS_TIMEOUT = 500;

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

/** Returns the clock of Postgres, as these entries know it, and the time at which the last of them may be trimmed. */
const timesOf = (entries: readonly LoggedRevocation[], asOf = 0) => [
  Math.max(asOf, ...entries.map(({ revokedAt }) => revokedAt)),
  entries.length === 0 ? '' : Math.max(...entries.map(({ expiresAt }) => expiresAt)) + SLACK,
];

export interface LogStreamSettings {
  /** ms; the nodes' lease. A service leaves it out and reads it from Redis. */
  readonly lease?: number;
  /** How many replicas must acknowledge a heartbeat or a publication. If other nodes wait for more, that number holds. */
  readonly replicas?: number;
}

export function createLogStream(
  connection: RedisConnection,
  keys: Keys,
  { lease, replicas: wanted = 0 }: LogStreamSettings = {},
): LogStream {
  const both = [keys.epoch, keys.stream];
  let replicas = wanted;

  /** Waits until the replicas have the write, so that a promoted one lacks nothing that was acknowledged. */
  const replicated = async (client: Redis, reply: Promise<Reply>) => {
    const answer = await reply;
    if (replicas > 0 && answer !== 'STALE') {
      const acknowledged = await client.wait(replicas, REPLICAS_TIMEOUT);
      if (acknowledged < replicas)
        throw serviceUnavailable(
          new Error(`only ${acknowledged} of ${replicas} replicas of Redis acknowledged the write`),
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
