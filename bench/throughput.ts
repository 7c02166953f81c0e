import { startHelper } from './support/helper';
import type { LoadOrder, LoadResult } from './support/load';
import { type Node, startNode } from './support/node';
import { makePeople, signTokens } from './support/people';
import { aim, type Figure, note, perSecond, runBench, times } from './support/report';
import { inTurn, median, ratio } from './support/statistics';
import { withStores } from './support/stores';

const ROUNDS = 16;

/** The number of servers of each kind: the speed of a process differs by some percent between starts. */
const PROCESSES = 2;

/** ms */
const TURN = 1500;
const WARM_UP = 4000;

const CONNECTIONS = 16;
const TOKENS = 200;

/** A query without work, so that it shows the cost of the request. Every request has its token checked. */
const QUERY = '{ __typename }';

runBench('throughput: an authenticated query, { __typename }', () =>
  withStores(async (stores): Promise<Figure[]> => {
    const databaseUrl = await stores.database('fleet');
    const aloneUrl = await stores.database('alone');
    const env = { DATABASE_URL: databaseUrl, REDIS_URL: stores.redisUrl };
    const start = async (...node: Parameters<typeof startNode>) => {
      const started: Node[] = [];
      while (started.length < PROCESSES) started.push(await startNode(...node));
      return started;
    };
    const nodes = {
      view: await start(env),
      none: await start(env, 'bench/support/unguarded.js'),
      redis: await start({ ...env, REVOCATION_VIEW_LIMIT: '0' }),
      postgres: await start({ DATABASE_URL: aloneUrl }),
    };
    const tokens = await signTokens(databaseUrl, await makePeople(databaseUrl, TOKENS));
    const tokensAlone = await signTokens(aloneUrl, await makePeople(aloneUrl, TOKENS));
    const load = startHelper<LoadOrder, LoadResult>('load');

    const processor = {
      view: [] as number[],
      none: [] as number[],
      redis: [] as number[],
      postgres: [] as number[],
    };
    const requestsPerSecond = async (name: keyof typeof nodes, duration: number) => {
      // The next of them each time.
      const node = nodes[name].shift() as Node;
      nodes[name].push(node);
      const before = node.processorTime();
      const { answered, took } = await load.ask({
        url: node.url,
        query: QUERY,
        tokens: name === 'postgres' ? tokensAlone : tokens,
        connections: CONNECTIONS,
        duration,
        expected: '"__typename":"Query"',
      });
      const after = node.processorTime();
      if (before !== undefined && after !== undefined) processor[name].push((after - before) / answered);
      return (answered / took) * 1000;
    };
    const names = ['view', 'none', 'redis', 'postgres'] as const;
    for (const name of names) {
      note(`warming up: ${name} …`);
      for (let process = 0; process < PROCESSES; process++) await requestsPerSecond(name, WARM_UP);
      processor[name] = [];
    }
    const results = await inTurn(ROUNDS, {
      view: () => requestsPerSecond('view', TURN),
      none: () => requestsPerSecond('none', TURN),
      redis: () => requestsPerSecond('redis', TURN),
      postgres: () => requestsPerSecond('postgres', TURN),
    });

    load.stop();
    await Promise.all(names.flatMap((name) => nodes[name].map((node) => node.stop())));
    const against = (name: keyof typeof nodes) => ratio(results[name], results.none);
    const served = against('view');
    const figures: Figure[] = [
      { name: 'with no check at all', measured: perSecond(median(results.none)) },
      { name: 'checked in the view', measured: perSecond(median(results.view)) },
      {
        name: 'that to no check, the median of the ratios',
        measured: times(served),
        aim: aim('>= 0.97', served >= 0.97),
      },
      {
        name: 'checked in Redis, to no check',
        measured: `${times(against('redis'))}, ${perSecond(median(results.redis))}`,
      },
      {
        name: 'checked in Postgres, to no check',
        measured: `${times(against('postgres'))}, ${perSecond(median(results.postgres))}`,
      },
    ];
    // Other work on the machine changes this much less than the requests per second.
    const used = (name: keyof typeof nodes) => times(ratio(processor[name], processor.none));
    if (names.every((name) => processor[name].length === ROUNDS)) {
      figures.push({
        name: 'processor time of a request, to no check',
        measured: `view ${used('view')}, Redis ${used('redis')}, Postgres ${used('postgres')}`,
      });
    }
    return figures;
  }),
);
