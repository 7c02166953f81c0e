import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { graphqlRequest, openConnection } from './support/connection';
import type { GuardsOrder, GuardsResult } from './support/guards';
import { type Helper, startHelper } from './support/helper';
import type { LoadOrder, LoadResult } from './support/load';
import { startNode } from './support/node';
import { makePeople, signTokens } from './support/people';
import { aim, type Figure, milliseconds, note, perSecond, runBench, times } from './support/report';
import { LEASE } from './support/settings';
import { median, quantile, timed } from './support/statistics';
import { type Stores, withStores } from './support/stores';

/** How many services there are, one size after the other, and in how many processes. */
const SIZES = [1, 10, 100, 300];
const PROCESSES = 3;

/** Logouts of each size: one after the other, and many at once. */
const ALONE = 60;
const TOGETHER = 600;
const CONCURRENCY = 64;
const WARM_UP = 20;

/** ms for which the commands of an idle fleet are counted. */
const IDLE = 10_000;

/** The most commands a second that an idle guard with Redis may cost, each of many. */
const MOST_COMMANDS = 10;

/** The most commands a second that all followers may cost. It is not 0, because the nodes' own commands are not even. */
const NO_COMMANDS = 2;

const LOGOUT = 'mutation { logout { confirmed } }';
const CONFIRMED = '"confirmed":true';

/** How services learn of revocations: from a node, or from Redis. */
const WAYS = ['follow', 'redis'] as const;
type Way = (typeof WAYS)[number];
const NAMES: Record<Way, string> = { follow: 'following', redis: 'on Redis' };

type GuardsHelper = Helper<GuardsOrder, GuardsResult>;

/** What the measurements need. */
interface Fleet {
  readonly nodes: readonly string[];
  readonly databaseUrl: string;
  readonly redisUrl: string;
  readonly redis: Redis;
  readonly helpers: readonly GuardsHelper[];
  readonly load: Helper<LoadOrder, LoadResult>;
  /** The commands of Redis in a second that the nodes cause. */
  readonly ofTheNodes: number;
}

/** Starts as many services. The processes share them evenly. Says how many views are current, if not all. */
async function startServices({ helpers, nodes, redisUrl }: Fleet, way: Way, size: number): Promise<void> {
  const order = { nodes, redisUrl: way === 'redis' ? redisUrl : undefined };
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

interface Measured {
  /** ms from a logout to its receipt, one after the other. */
  readonly alone: readonly number[];
  /** Logouts in a second, many at once. */
  readonly together: number;
  /** Commands of Redis in a second while nothing is revoked, without those of the nodes. */
  readonly commands: number;
}

async function measure(fleet: Fleet, way: Way, size: number): Promise<Measured> {
  note(`${size} ${NAMES[way]} …`);
  const { databaseUrl, nodes, redis, load, ofTheNodes } = fleet;
  const [url = ''] = nodes;
  await startServices(fleet, way, size);
  await sleep(2 * LEASE);
  const commands = (await countCommands(redis)) - ofTheNodes;
  const nextTokens = async (count: number) => signTokens(databaseUrl, await makePeople(databaseUrl, count));
  const alone = await logoutAlone(url, await nextTokens(WARM_UP + ALONE));
  const tokens = await nextTokens(TOGETHER);
  const order = { url, query: LOGOUT, tokens, connections: CONCURRENCY, expected: CONFIRMED };
  const { answered, took } = await load.ask(order);
  return { alone, together: (answered * 1000) / took, commands };
}

function figuresOf(size: number, measured: Record<Way, Measured>): Figure[] {
  const services = size === 1 ? 'one service' : `${size} services`;
  const most: Record<Way, number> = { follow: NO_COMMANDS, redis: size * MOST_COMMANDS };
  const { follow, redis } = measured;
  return [
    ...WAYS.flatMap((way): Figure[] => {
      const { alone, together, commands } = measured[way];
      const name = `${services} ${NAMES[way]}`;
      return [
        {
          name: `${name}: a logout, confirmed`,
          measured: `${milliseconds(median(alone))}, 99 % ${milliseconds(quantile(alone, 0.99))}`,
        },
        { name: `${name}: many at once, confirmed`, measured: perSecond(together) },
        {
          name: `${name}, idle: commands of Redis`,
          measured: `${commands.toFixed(1)}/s`,
          aim: aim(`<= ${most[way].toLocaleString('en')}/s`, commands <= most[way]),
        },
      ];
    }),
    {
      name: `${services}: a logout, following to on Redis`,
      measured: times(median(follow.alone) / median(redis.alone)),
    },
  ];
}

async function measureAll(fleet: Fleet): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const [index, size] of SIZES.entries()) {
    // In turn: neither way is always the first.
    const order = index % 2 === 0 ? WAYS : [...WAYS].reverse();
    const measured: Partial<Record<Way, Measured>> = {};
    for (const way of order) measured[way] = await measure(fleet, way, size);
    figures.push(...figuresOf(size, measured as Record<Way, Measured>));
  }
  return figures;
}

async function measureOn(stores: Stores): Promise<Figure[]> {
  const { redisUrl } = stores;
  const databaseUrl = await stores.database('fleet');
  const env = { DATABASE_URL: databaseUrl, REDIS_URL: redisUrl };
  const nodes = [await startNode(env), await startNode(env)];
  const redis = new Redis(redisUrl);
  const helpers = Array.from({ length: PROCESSES }, () => startHelper<GuardsOrder, GuardsResult>('guards'));
  const load = startHelper<LoadOrder, LoadResult>('load');
  await sleep(2 * LEASE);
  const ofTheNodes = await countCommands(redis);
  const urls = nodes.map(({ url }) => url);
  const figures = await measureAll({
    ...{ nodes: urls, databaseUrl, redisUrl, redis, helpers, load, ofTheNodes },
  });
  for (const helper of [...helpers, load]) helper.stop();
  redis.disconnect();
  for (const node of nodes) await node.stop();
  return figures;
}

runBench('fleet: two nodes and many services', () => withStores(measureOn));
