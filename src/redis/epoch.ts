import { randomUUID } from 'node:crypto';
import { serviceUnavailable } from '../core/errors';
import type { RedisConnection } from './client';
import type { Keys } from './keys';
import { defineScript, type Reply, type Script } from './script';

/**
 * Lua that a script of ours starts with: it goes on only in the epoch whose id it was given, on the server where that
 * epoch began. KEYS[1] is the epoch, ARGV[1] the id.
 */
export const ONLY_IN_EPOCH = `
  local run = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
  local epoch = redis.call('HMGET', KEYS[1], 'id', 'run')
  if epoch[1] ~= ARGV[1] or epoch[2] ~= run then return 'STALE' end`;

// A replica that was promoted, or a server that restarted with its data, may lack what was published last. Its run_id
// gives it away, and a new epoch makes an end of all that was there. KEYS: epoch. ARGV: a new id.
const hello = defineScript(`
  local run = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
  local epoch = redis.call('HMGET', KEYS[1], 'id', 'run')
  if epoch[1] and epoch[2] == run then return epoch[1] end
  redis.call('DEL', KEYS[1])
  redis.call('HSET', KEYS[1], 'id', ARGV[1], 'run', run)
  return ARGV[1]`);

/** Attempts before an epoch that keeps ending is called unavailable. */
const ATTEMPTS = 3;

/** One unbroken life of our data in one Redis server; a flush, an empty restart and a failover all end it. */
export interface Epoch {
  /**
   * Runs a script that starts with `ONLY_IN_EPOCH`, again in the new epoch when the known one has ended.
   *
   * @param keyNames the keys behind the epoch's own, which bear its id
   * @param args the arguments behind the id
   */
  run(
    script: Script,
    keyNames: (id: string) => string[],
    args: (string | number)[],
  ): Promise<{ id: string; reply: Reply }>;
  /** Runs it in the epoch of that id only; answers STALE when that one has ended. */
  runIn(
    id: string,
    script: Script,
    keyNames: (id: string) => string[],
    args: (string | number)[],
  ): Promise<Reply>;
}

export function createEpoch(connection: RedisConnection, keys: Keys): Epoch {
  let known: string | undefined;

  const runIn: Epoch['runIn'] = (id, script, keyNames, args) =>
    connection.run((client) => script(client, [keys.epoch, ...keyNames(id)], [id, ...args]));

  return {
    runIn,
    async run(script, keyNames, args) {
      for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
        known ??= (await connection.run((client) => hello(client, [keys.epoch], [randomUUID()]))) as string;
        const id = known;
        const reply = await runIn(id, script, keyNames, args);
        if (reply !== 'STALE') return { id, reply };
        // Another caller may have learned the new id meanwhile: that one is to be kept.
        if (known === id) known = undefined;
      }
      throw serviceUnavailable(new Error('Redis keeps losing its data'));
    },
  };
}
