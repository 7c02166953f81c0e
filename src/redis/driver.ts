import type * as IoRedis from 'ioredis';

/**
 * Loads ioredis when it is needed first. A service that follows a node needs no Redis, so it may be missing there. Inside a
 * `try`, bundlers allow that too.
 */
export function redisDriver(): typeof IoRedis {
  try {
    // eslint-disable-next-line @typescript-eslint/no-require-imports -- `import()` would make every connection wait for it
    return require('ioredis') as typeof IoRedis;
  } catch (error) {
    // Rethrown as it is: the server's command names the missing package.
    throw error instanceof Error ? error : new Error('ioredis cannot be loaded', { cause: error });
  }
}

export function isRedisInstalled(): boolean {
  try {
    redisDriver();
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'MODULE_NOT_FOUND') return false;
    throw error;
  }
}
