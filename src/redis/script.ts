import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';

export type Reply = string | number | null | Reply[];

/** A Lua script, which runs atomically on the server. */
export type Script = (client: Redis, keys: string[], args: (string | number)[]) => Promise<Reply>;

/**
 * Sends a script by its hash, and in full if the server does not know it. So a restart or SCRIPT FLUSH is harmless at
 * any moment, also inside a pipeline, where a client library's own record of known scripts can be out of date.
 */
export function defineScript(lua: string): Script {
  const sha = createHash('sha1').update(lua).digest('hex');
  return async (client, keys, args) => {
    try {
      return (await client.evalsha(sha, keys.length, ...keys, ...args)) as Reply;
    } catch (error) {
      if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error;
      return (await client.eval(lua, keys.length, ...keys, ...args)) as Reply;
    }
  };
}

/**
 * Lua that identifies the server and its current term as a primary. A server that restarted with its data, or a
 * promoted replica, may lack the last revocations: its run_id differs. A server that was demoted and promoted again
 * keeps its run_id, but may have taken over another's data: its master_replid differs, because each promotion makes a
 * new one.
 *
 * Every script asks again. The answer cannot be kept for a connection: a proxy in front of Redis may lead the next
 * command to another server, without closing the connection. Before Redis 7, INFO takes one section at a time.
 */
export const THIS_SERVER = `
  local info = redis.pcall('INFO', 'server', 'replication')
  if type(info) ~= 'string' then
    local server, replication = redis.pcall('INFO', 'server'), redis.pcall('INFO', 'replication')
    if type(server) ~= 'string' or type(replication) ~= 'string' then
      return redis.error_reply('ERR Tokenfence needs INFO in scripts, which this Redis refuses')
    end
    info = server .. replication
  end
  local id = string.match(info, 'run_id:(%w+)')
  local promotion = string.match(info, 'master_replid:(%w+)')
  if not id or not promotion then
    return redis.error_reply('ERR Tokenfence needs run_id and master_replid, which INFO does not show')
  end
  local run = id .. ':' .. promotion`;

/**
 * Lua at the beginning of our scripts: continues only in the given epoch, on the server where that epoch began. KEYS[1]
 * is the epoch, ARGV[1] its id. The table `epoch` then holds its id, its run, and these fields, read in one command.
 */
export const onlyInEpoch = (...fields: string[]): string => `${THIS_SERVER}
  local epoch = redis.call('HMGET', KEYS[1], ${['id', 'run', ...fields].map((field) => `'${field}'`).join(', ')})
  if epoch[1] ~= ARGV[1] or epoch[2] ~= run then return 'STALE' end`;

/** The same for scripts that rely on the stream, KEYS[2]. An epoch whose stream was evicted has ended. */
export const ONLY_WITH_STREAM = `${onlyInEpoch()}
  if redis.call('EXISTS', KEYS[2]) == 0 then return 'STALE' end`;
