import { withPostgres } from '../../test/support/postgres';
import { startPostgres, startRedis } from '../../test/support/servers';

/** Temporary stores for one run. */
export interface Stores {
  readonly redisUrl: string;
  /** Makes an empty database and returns its URL. */
  database(name: string): Promise<string>;
}

/** Starts a Postgres that forces every commit to the disk, and a Redis, and deletes both after the work. */
export async function withStores<T>(work: (stores: Stores) => Promise<T>): Promise<T> {
  const postgres = await startPostgres({ durable: true });
  try {
    const redis = await startRedis();
    try {
      return await work({
        redisUrl: redis.url,
        async database(name) {
          await withPostgres(postgres.url, (client) => client.query(`create database ${name}`));
          const url = new URL(postgres.url);
          url.pathname = `/${name}`;
          return url.href;
        },
      });
    } finally {
      await redis.dispose();
    }
  } finally {
    await postgres.dispose();
  }
}
