import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';

export type Reply = string | number | null | Reply[];

/** A Lua script; runs atomically in the server. */
export type Script = (client: Redis, keys: string[], args: (string | number)[]) => Promise<Reply>;

/**
 * Sends a script by its hash, and whole when the server does not know it: that is how a restart or SCRIPT FLUSH is
 * survived at any moment, also in the middle of a pipeline, where a client library's own bookkeeping can be behind.
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
