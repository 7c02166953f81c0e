import { setTimeout as sleep } from 'node:timers/promises';
import { type Helper, startHelper } from './support/helper';
import type { LoadOrder, LoadResult } from './support/load';
import { startNode } from './support/node';
import { makePeople, signTokens } from './support/people';
import { aim, type Figure, note, perSecond, runBench } from './support/report';
import type { RevokerOrder, RevokerResult } from './support/revoker';
import { LEASE } from './support/settings';
import { inTurn, median } from './support/statistics';
import { withStores } from './support/stores';

const ROUNDS = 5;

/** Revocations of each node in each round, and how many run at a time. */
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

    /** Runs the work of all nodes at the same time. Returns their confirmations per second together. */
    const atOnce = async (part: (index: number) => Promise<unknown>) => {
      const startedAt = performance.now();
      await Promise.all(nodes.map((_, index) => part(index)));
      return (EACH * nodes.length * 1000) / (performance.now() - startedAt);
    };
    const logouts = async (): Promise<LoadOrder[]> => {
      const orders: LoadOrder[] = [];
      for (const { url } of nodes) {
        const tokens = await signTokens(databaseUrl, await makePeople(databaseUrl, EACH));
        const query = 'mutation { logout { confirmed } }';
        orders.push({ url, query, tokens, connections: CONCURRENCY, expected: '"confirmed":true' });
      }
      return orders;
    };
    const askLoad = (index: number, order: LoadOrder | undefined) =>
      (loads[index] as Helper<LoadOrder, LoadResult>).ask(order as LoadOrder);

    const askRevoker = async (index: number, work: RevokerOrder['work'], expected: number) => {
      const revoker = revokers[index] as Helper<RevokerOrder, RevokerResult>;
      const { confirmed } = await revoker.ask({
        databaseUrl: revokersUrl,
        redisUrl,
        concurrency: CONCURRENCY,
        work,
      });
      if (confirmed !== expected) throw new Error(`${confirmed} of ${expected} were confirmed.`);
    };

    const ways = {
      byGraphql: async () => {
        const orders = await logouts();
        return atOnce((index) => askLoad(index, orders[index]));
      },
      byRevokers: async () => {
        const people = await makePeople(revokersUrl, EACH * revokers.length);
        return atOnce((index) =>
          askRevoker(index, { kind: 'revoke', people: people.slice(index * EACH, (index + 1) * EACH) }, EACH),
        );
      },
      byOne: async () => {
        const people = await makePeople(revokersUrl, EACH);
        const startedAt = performance.now();
        await askRevoker(0, { kind: 'revoke', people }, EACH);
        return (EACH * 1000) / (performance.now() - startedAt);
      },
      delivered: async () => {
        await atOnce((index) => askRevoker(index, { kind: 'prepare', count: EACH }, 0));
        return atOnce((index) => askRevoker(index, { kind: 'confirm' }, EACH));
      },
    };

    // They connect with their first order. For a while after that nothing is confirmed fast.
    await atOnce((index) => askRevoker(index, { kind: 'prepare', count: 0 }, 0));
    await sleep(2 * LEASE);
    note('warming up …');
    // A new process is not compiled yet: its first thousands take half as long again.
    for (let i = 0; i < 2; i++) for (const way of Object.values(ways)) await way();
    const results = await inTurn(ROUNDS, ways);

    for (const helper of [...loads, ...revokers]) helper.stop();
    await Promise.all(nodes.map((node) => node.stop()));
    const confirmed = median(results.byOne);
    return [
      {
        name: 'confirmed, on one node of them, without HTTP and GraphQL',
        measured: perSecond(confirmed),
        aim: aim('>= 1,000/s', confirmed >= 1000),
      },
      {
        name: 'confirmed, on all three at once, without HTTP and GraphQL',
        measured: perSecond(median(results.byRevokers)),
      },
      {
        name: 'what comes behind the commit, alone',
        measured: perSecond(median(results.delivered)),
      },
      { name: 'confirmed, as the mutation logout', measured: perSecond(median(results.byGraphql)) },
    ];
  }),
);
