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
