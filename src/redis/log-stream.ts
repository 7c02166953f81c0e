import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import type {
  Beat,
  EpochState,
  LogStream,
  Node,
  NodeBeat,
  Nodes,
  Publication,
  Stale,
} from '../core/ports/log-stream';
import type { LoggedRevocation } from '../core/revocation';
import { type RedisConnection, TooFewReplicas } from './client';
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

/** The field of a node in the epoch. Its value is the node's position and the count of its heartbeat. */
const NODE = 'n:';
const nodeOf = (beat: string) => ({ position: Number(beat.split(':')[0]), beat });

function toPublication(epochId: string, fields: readonly string[]): Publication {
  const nodes = new Map<string, Node>();
  let position = 0;
  for (let i = 0; i < fields.length; i += 2) {
    const [name = '', value = ''] = [fields[i], fields[i + 1]];
    if (name === 'seq') position = Number(value);
    if (name.startsWith(NODE)) nodes.set(name.slice(NODE.length), nodeOf(value));
  }
  return { epochId, position, nodes };
}

/** @param beats what each of the names has in the epoch; `null` if it is not registered */
function toNodes(names: readonly string[], beats: readonly (string | null)[]): Nodes {
  const nodes = new Map<string, Node>();
  for (const [index, name] of names.entries()) {
    const beat = beats[index];
    if (typeof beat === 'string') nodes.set(name, nodeOf(beat));
  }
  return nodes;
}

/** Returns the clock of Postgres, as these entries know it, and the time at which the last of them may be trimmed. */
const timesOf = (entries: readonly LoggedRevocation[], asOf = 0) => [
  Math.max(asOf, ...entries.map(({ revokedAt }) => revokedAt)),
  entries.length === 0 ? '' : Math.max(...entries.map(({ expiresAt }) => expiresAt)) + SLACK,
];

function toEpochState(reply: Reply): EpochState {
  const [id, tail, cursor, filled, lease] = reply as [string, string, string, string | null, string | null];
  return {
    id,
    tail: Number(tail),
    cursor,
    filled: filled !== null,
    lease: lease === null ? undefined : Number(lease),
  };
}

function toBeat(reply: Reply): Beat {
  const [tail, filled, longest, asOf] = reply as [string, string | null, string | null, string | null];
  return {
    tail: Number(tail),
    filled: filled !== null,
    longestTokenTtl: Number(longest ?? 0),
    asOf: Number(asOf ?? 0),
  };
}

/** Waits until the replicas have what was written, so that a promoted one lacks nothing that was acknowledged. */
async function awaitReplicas(client: Redis, count: number): Promise<void> {
  if (count === 0) return;
  const acknowledged = await client.wait(count, REPLICAS_TIMEOUT);
  if (acknowledged < count)
    throw new TooFewReplicas(`only ${acknowledged} of ${count} replicas of Redis acknowledged the write`);
}

/** Returns the value of a field in an answer of HGETALL. */
const valueOf = (fields: readonly Reply[], name: string) =>
  fields.find((_value, index) => index % 2 === 1 && fields[index - 1] === name);

/**
 * Returns the function that runs a script on the epoch and the stream. A script that must survive a failover answers how
 * many replicas the other processes wait for: some may have begun to want more after this one said hello.
 *
 * @param wanted how many replicas this process waits for
 */
const createRun =
  (connection: RedisConnection, keys: Keys, wanted: number) =>
  /**
   * @param more keys, beside the epoch and the stream
   * @param othersIn reads that number out of the reply. Left out: no replica is waited for.
   */
  (
    script: Script,
    args: (string | number)[],
    more: string[] = [],
    othersIn?: (reply: Reply[]) => Reply | undefined,
  ): Promise<Reply> =>
    connection.run(async (client) => {
      const reply = await script(client, [keys.epoch, keys.stream, ...more], args);
      if (reply !== 'STALE' && othersIn)
        await awaitReplicas(client, Math.max(wanted, Number(othersIn(reply as Reply[]) ?? 0)));
      return reply;
    });

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
  const run = createRun(connection, keys, wanted);

  const sendBeat = async (epochId: string, { node, position, tokenTtl }: NodeBeat) => {
    const args = [epochId, UNUSED_FOR, tokenTtl, node, position];
    const reply = await run(beat, args, [], ([, , , , others]) => others);
    return reply === 'STALE' ? reply : toBeat(reply);
  };

  return {
    hello: () =>
      connection.run(async (client) => {
        const args = [randomUUID(), UNUSED_FOR, lease ?? '', wanted];
        const reply = await hello(client, [keys.epoch, keys.stream, keys.healer], args);
        await awaitReplicas(client, Math.max(wanted, Number((reply as Reply[])[5] ?? 0)));
        return toEpochState(reply);
      }),

    beat: sendBeat,
    probe: (epochId) => sendBeat(epochId, { node: '', position: 0, tokenTtl: 0 }),

    async publish(epochId, entries) {
      const effects = entries.map((entry) => ({ payload: JSON.stringify(entry), ...effectOf(entry) }));
      const records = effects.flatMap(({ subject }) => keys.recordAndTicket(epochId, subject));
      const merges = effects.flatMap((each) => [
        each.payload,
        each.denied.length,
        each.version,
        ...each.denied,
      ]);
      const args = [epochId, ...timesOf(entries), ...merges];
      const reply = await run(publish, args, records, (fields) => valueOf(fields, 'replicas'));
      return reply === 'STALE' ? reply : toPublication(epochId, reply as string[]);
    },

    async nodes(epochId, names) {
      const reply = await run(readNodes, [epochId, ...names.map((name) => NODE + name)]);
      return reply === 'STALE' ? reply : toNodes(names, reply as (string | null)[]);
    },

    async remove(epochId, beats) {
      await run(removeNodes, [epochId, ...[...beats].flat()]);
    },

    async leave(epochId, node) {
      await run(leave, [epochId, node]);
    },

    async heal(epochId, node, entries, isLast, asOf) {
      const payloads = entries.map((entry) => JSON.stringify(entry));
      const args = [epochId, ...timesOf(entries, asOf), node, HEALER_TTL, isLast ? 1 : 0, ...payloads];
      return (await run(heal, args, [keys.healer])) as 'OK' | 'TAKEN' | Stale;
    },
  };
}
