import { startHelper } from './support/helper';
import type { LoadOrder, LoadResult } from './support/load';
import { startNode } from './support/node';
import { makePeople, signTokens } from './support/people';
import { aim, type Figure, note, perSecond, runBench, times } from './support/report';
import { SETTINGS } from './support/settings';
import { inTurn, median, ratio } from './support/statistics';
import { withStores } from './support/stores';

const ROUNDS = 15;

/** ms */
const TURN = 1500;
const WARM_UP = 3000;

const CONNECTIONS = 32;
const TOKENS = 200;

/** The servers share one core, which only the one that is measured uses. The load has the other. */
const SERVERS = 0;
const LOAD = 1;

/** The share of a bare server's requests that a check must reach. */
const LEAST = 0.5;

runBench('verify: a check asked by a proxy, GET /verify', () =>
  withStores(async (stores): Promise<Figure[]> => {
    const databaseUrl = await stores.database('fleet');
    const node = await startNode(
      { DATABASE_URL: databaseUrl, REDIS_URL: stores.redisUrl },
      'src/main.js',
      SERVERS,
    );
    const servers = {
      bare: await startNode({}, 'bench/support/bare.js', SERVERS),
      guard: await startNode(
        { SERVER_URL: node.url, INTROSPECTION_SECRET: SETTINGS.INTROSPECTION_SECRET },
        'src/main.js guard',
        SERVERS,
      ),
      node,
    };
    const tokens = await signTokens(databaseUrl, await makePeople(databaseUrl, TOKENS));
    const load = startHelper<LoadOrder, LoadResult>('load', LOAD);

    type Name = keyof typeof servers;
    const names = Object.keys(servers) as Name[];
    const processor: Record<Name, number[]> = { bare: [], guard: [], node: [] };
    const requestsPerSecond = async (name: Name, path: string, duration: number) => {
      const server = servers[name];
      const before = server.processorTime() ?? NaN;
      const order = {
        url: server.url,
        path,
        query: '',
        tokens,
        connections: CONNECTIONS,
        duration,
        expected: '',
      };
      const { answered, took } = await load.ask(order);
      if (path === '/verify') processor[name].push(((server.processorTime() ?? NaN) - before) / answered);
      return (answered / took) * 1000;
    };
    for (const name of names) {
      note(`warming up: ${name} …`);
      await requestsPerSecond(name, '/verify', WARM_UP);
      processor[name] = [];
    }
    const results = await inTurn(ROUNDS, {
      bare: () => requestsPerSecond('bare', '/verify', TURN),
      guard: () => requestsPerSecond('guard', '/verify', TURN),
      node: () => requestsPerSecond('node', '/verify', TURN),
      needs: () => requestsPerSecond('guard', '/verify?role=USER&maxAge=3600', TURN),
    });
    load.stop();
    for (const name of names) await servers[name].stop();

    const against = (name: Name | 'needs') => ratio(results[name], results.bare);
    // Where the load is the slower of the two, the requests a second of all servers are alike. This shows it.
    const used = (name: Name) => ratio(processor.bare, processor[name]);
    const figures = (name: Exclude<Name, 'bare'>, what: string): Figure[] => [
      { name: what, measured: perSecond(median(results[name])) },
      {
        name: 'that to a bare server',
        measured: times(against(name)),
        aim: aim(`>= ${LEAST}`, against(name) >= LEAST),
      },
      {
        name: 'the same by processor time',
        measured: times(used(name)),
        aim: aim(`>= ${LEAST}`, used(name) >= LEAST),
      },
    ];
    return [
      { name: 'a bare node:http server, the same bytes', measured: perSecond(median(results.bare)) },
      ...figures('guard', 'tokenfence guard'),
      {
        name: 'tokenfence guard, with a role and an age, to a bare server',
        measured: times(against('needs')),
      },
      ...figures('node', 'a node'),
    ];
  }),
);
