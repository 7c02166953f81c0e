import { Redis } from 'ioredis';

/** Runs `work` with a client of its own, which is closed afterwards. */
export async function withRedis<T>(url: string, work: (client: Redis) => Promise<T>): Promise<T> {
  const client = new Redis(url);
  try {
    return await work(client);
  } finally {
    client.disconnect();
  }
}

/** The number of the port in a URL. */
export const portOf = ({ url }: { readonly url: string }) => Number(new URL(url).port);
