import { Client } from 'pg';
import { startPostgres, startRedis } from '../../test/support/servers';

/** Throwaway stores for one run. */
export interface Stores {
  readonly redisUrl: string;
  /** Makes an empty database; answers its URL. */
  database(name: string): Promise<string>;
}

/** Runs SQL on a connection that is opened for it. */
export async function withClient<T>(url: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** Starts a Postgres that forces every commit to the disk, and a Redis; both are gone when the work has ended. */
export async function withStores<T>(work: (stores: Stores) => Promise<T>): Promise<T> {
  const postgres = await startPostgres({ durable: true });
  try {
    const redis = await startRedis();
    try {
      return await work({
        redisUrl: redis.url,
        async database(name) {
          await withClient(postgres.url, (client) => client.query(`create database ${name}`));
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
