import { ADMIN, Api } from '../test/support/api';
import { exchange, longestTurn } from '../test/support/held';
import { withPostgres } from '../test/support/postgres';
import { WORST_DATA } from '../test/support/worst-data';
import { CUT, INTROSPECTION_SECRET, type WorstRequest, worstRequests } from '../test/support/worst-requests';
import { readConfig } from '../src/config/read-config';
import { createLogger } from '../src/server/logger';
import { startServer } from '../src/server/server';
import { aim, type Figure, milliseconds, note, runBench, times } from './support/report';
import { SETTINGS } from './support/settings';
import { median } from './support/statistics';
import { withStores } from './support/stores';

/** ms */
const LONGEST = 50;

const TRIES = 15;

/** The number of requests shown: those with the longest turns of the event loop. */
const SHOWN = 12;

runBench('event-loop: how long the worst requests hold it', () =>
  withStores(async (stores): Promise<Figure[]> => {
    const databaseUrl = await stores.database('worst');
    const start = (env: Record<string, string>) =>
      startServer(
        readConfig({
          ...SETTINGS,
          PORT: '0',
          DATABASE_URL: databaseUrl,
          REDIS_URL: stores.redisUrl,
          ADMIN_EMAIL: ADMIN.email,
          ADMIN_PASSWORD: ADMIN.password,
          RATE_LIMIT: 'on',
          SHUTDOWN_DELAY: '0s',
          INTROSPECTION_SECRET,
          ...env,
        }),
        createLogger('warn', { write: () => undefined }),
      );
    const nodes = {
      production: await start({ NODE_ENV: 'production', ISSUER: 'https://auth.example.com' }),
      open: await start({}),
      proxied: await start({ TRUST_PROXY: '127.0.0.1, 10.0.0.0/8' }),
    } satisfies Record<WorstRequest['to'], unknown>;
    await withPostgres(databaseUrl, async (client) => {
      for (const statement of WORST_DATA) await client.query(statement);
    });
    const { accessToken } = await new Api(nodes.production.url).loginAsAdmin();

    const held: { name: string; first: number; usual: number }[] = [];
    for (const { name, to, bytes } of [...worstRequests(accessToken), CUT]) {
      note(`${name} …`);
      const tries: number[] = [];
      while (tries.length < TRIES)
        tries.push(await longestTurn(() => exchange(nodes[to].url, bytes()).catch(() => '')));
      held.push({ name: `${name}, ${to}`, first: tries[0] ?? NaN, usual: median(tries) });
    }
    for (const node of Object.values(nodes)) await node.close();
    return held
      .sort((one, other) => other.usual - one.usual)
      .slice(0, SHOWN)
      .map(({ name, first, usual }) => ({
        name,
        measured: `${milliseconds(usual)}, ${times(usual / LONGEST)} of the limit; the first ${milliseconds(first)}`,
        aim: aim(`< ${LONGEST} ms`, usual < LONGEST),
      }));
  }),
);
