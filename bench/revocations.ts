import { setTimeout as sleep } from 'node:timers/promises';
import { type Helper, startHelper } from './support/helper';
import type { LoadOrder, LoadResult } from './support/load';
import { startNode } from './support/node';
import { makePeople, type Person, signTokens } from './support/people';
import { aim, type Figure, note, perSecond, runBench } from './support/report';
import type { RevokerOrder, RevokerResult } from './support/revoker';
import { LEASE } from './support/settings';
import { inTurn, median } from './support/statistics';
import { withStores } from './support/stores';

const ROUNDS = 5;

/** Revocations of each node in each round, and how many of them are under way at a time. */
const EACH = 1000;
const CONCURRENCY = 64;

runBench('revocations: many at once on three nodes', () =>
  withStores(async (stores): Promise<Figure[]> => {
    const { redisUrl } = stores;
    const databaseUrl = await stores.database('fleet');
    const revokersUrl = await stores.database('revokers');

    const env = { DATABASE_URL: databaseUrl, REDIS_URL: redisUrl };
    const nodes = [await startNode(env), await startNode(env), await startNode(env)];
    const loads = nodes.map(() => startHelper<LoadOrder, LoadResult>('load'));
    const revokers = nodes.map(() => startHelper<RevokerOrder, RevokerResult>('revoker'));

    /** Has each do its part at the same time; answers how many were confirmed in a second, by all together. */
    const perSecondOfAll = async (parts: readonly Promise<unknown>[], startedAt: number) => {
      await Promise.all(parts);
      return (EACH * parts.length * 1000) / (performance.now() - startedAt);
    };

    const byGraphql = async () => {
      const orders: LoadOrder[] = [];
      for (const { url } of nodes) {
        const tokens = await signTokens(databaseUrl, await makePeople(databaseUrl, EACH));
        const query = 'mutation { logout { confirmed } }';
        orders.push({ url, query, tokens, connections: CONCURRENCY, expected: '"confirmed":true' });
      }
      const startedAt = performance.now();
      return perSecondOfAll(
        orders.map((order, i) => (loads[i] as Helper<LoadOrder, LoadResult>).ask(order)),
        startedAt,
      );
    };

    const endAll = async (parts: readonly (readonly Person[])[]) => {
      const startedAt = performance.now();
      return perSecondOfAll(
        parts.map(async (people, i) => {
          const revoker = revokers[i] as Helper<RevokerOrder, RevokerResult>;
          const order = { databaseUrl: revokersUrl, redisUrl, people, concurrency: CONCURRENCY };
          const { confirmed } = await revoker.ask(order);
          if (confirmed !== people.length) throw new Error(`Only ${confirmed} were confirmed.`);
        }),
        startedAt,
      );
    };
    const byRevokers = async () => {
      const parts: Person[][] = [];
      while (parts.length < revokers.length) parts.push(await makePeople(revokersUrl, EACH));
      return endAll(parts);
    };

    // They assemble themselves with their first order. For a while after that nothing can be confirmed fast.
    await Promise.all(
      revokers.map((revoker) =>
        revoker.ask({ databaseUrl: revokersUrl, redisUrl, people: [], concurrency: 1 }),
      ),
    );
    await sleep(2 * LEASE);
    note('warming up …');
    await byGraphql();
    await byRevokers();
    const results = await inTurn(ROUNDS, { byGraphql, byRevokers });

    for (const helper of [...loads, ...revokers]) helper.stop();
    await Promise.all(nodes.map((node) => node.stop()));
    const confirmed = median(results.byRevokers);
    return [
      {
        name: 'confirmed, without HTTP and GraphQL',
        measured: perSecond(confirmed),
        aim: aim('>= 1,000/s', confirmed >= 1000),
      },
      { name: 'confirmed, as the mutation logout', measured: perSecond(median(results.byGraphql)) },
    ];
  }),
);
