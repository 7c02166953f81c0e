import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { graphqlRequest, openConnection } from './support/connection';
import type { GuardsOrder, GuardsResult } from './support/guards';
import { type Helper, startHelper } from './support/helper';
import type { LoadOrder, LoadResult } from './support/load';
import { startNode } from './support/node';
import { makePeople, signTokens } from './support/people';
import { aim, type Figure, milliseconds, note, perSecond, runBench } from './support/report';
import { LEASE } from './support/settings';
import { median, quantile, timed } from './support/statistics';
import { withStores } from './support/stores';

/** How many guards there are, one size after the other, and in how many processes. */
const SIZES = [1, 10, 100, 300];
const PROCESSES = 3;

/** Logouts of each size: one after the other, and many at once. */
const ALONE = 60;
const TOGETHER = 600;
const CONCURRENCY = 64;
const WARM_UP = 20;

/** ms for which the commands of an idle fleet are counted. */
const IDLE = 10_000;

/** The most commands a second that an idle guard may cost, each of many. */
const MOST_COMMANDS = 10;

const LOGOUT = 'mutation { logout { confirmed } }';
const CONFIRMED = '"confirmed":true';

type GuardsHelper = Helper<GuardsOrder, GuardsResult>;

/** Grows the fleet to this size. The processes share it evenly. Says how many views are current, if not all. */
async function grow(helpers: readonly GuardsHelper[], size: number, order: Omit<GuardsOrder, 'count'>) {
  const shares = helpers.map((_, index) => Math.floor((size + index) / helpers.length));
  const results = await Promise.all(
    helpers.map((helper, index) => helper.ask({ ...order, count: shares[index] ?? 0 })),
  );
  const current = results.reduce((sum, result) => sum + result.current, 0);
  if (current < size) note(`only ${current} views of ${size} are current: this machine is too busy`);
}

/** Counts the commands that Redis executes in a second while nothing is revoked, those inside scripts included. */
async function countCommands(redis: Redis): Promise<number> {
  const read = async () => Number(/total_commands_processed:(\d+)/.exec(await redis.info('stats'))?.[1]);
  const before = await read();
  const took = await timed(() => sleep(IDLE));
  // Less one: it counts itself.
  return (((await read()) - before - 1) * 1000) / took;
}

/** Logs out one after the other. Returns the times to the confirmed receipts, in ms. */
async function logoutAlone(url: string, tokens: readonly string[]): Promise<number[]> {
  const connection = await openConnection(url);
  const samples: number[] = [];
  for (const token of tokens) {
    const request = graphqlRequest(url, LOGOUT, token);
    const took = await timed(async () => {
      const { body } = await connection.send(request);
      if (!body.includes(CONFIRMED)) throw new Error(`Not confirmed: ${body}`);
    });
    samples.push(took);
  }
  connection.close();
  return samples.slice(WARM_UP);
}

runBench('fleet: one node and many guards', () =>
  withStores(async (stores): Promise<Figure[]> => {
    const { redisUrl } = stores;
    const databaseUrl = await stores.database('fleet');
    const node = await startNode({ DATABASE_URL: databaseUrl, REDIS_URL: redisUrl });
    const redis = new Redis(redisUrl);
    const helpers = Array.from({ length: PROCESSES }, () => startHelper<GuardsOrder, GuardsResult>('guards'));
    const load = startHelper<LoadOrder, LoadResult>('load');
    const nextTokens = async (count: number) => signTokens(databaseUrl, await makePeople(databaseUrl, count));

    const figures: Figure[] = [];
    await sleep(2 * LEASE);
    const ofTheNode = await countCommands(redis);
    for (const size of SIZES) {
      note(`${size} guards …`);
      await grow(helpers, size, { authUrl: node.url, redisUrl });
      await sleep(2 * LEASE);
      const commands = (await countCommands(redis)) - ofTheNode;
      const samples = await logoutAlone(node.url, await nextTokens(WARM_UP + ALONE));
      const tokens = await nextTokens(TOGETHER);
      const order = { url: node.url, query: LOGOUT, tokens, connections: CONCURRENCY, expected: CONFIRMED };
      const { answered, took } = await load.ask(order);
      const most = size * MOST_COMMANDS;
      const guards = size === 1 ? 'one guard' : `${size} guards`;
      figures.push(
        {
          name: `${guards}: a logout, confirmed`,
          measured: `${milliseconds(median(samples))}, 99 % ${milliseconds(quantile(samples, 0.99))}`,
        },
        { name: `${guards}: many at once, confirmed`, measured: perSecond((answered * 1000) / took) },
        {
          name: `${guards}, idle: commands of Redis`,
          measured: `${commands.toFixed(1)}/s`,
          aim: aim(`<= ${most.toLocaleString('en')}/s`, commands <= most),
        },
      );
    }
    for (const helper of [...helpers, load]) helper.stop();
    redis.disconnect();
    await node.stop();
    return figures;
  }),
);
