import { setTimeout as sleep } from 'node:timers/promises';
import { longestTurn } from '../test/support/held';
import { readConfig } from '../src/config/read-config';
import { createLogger } from '../src/server/logger';
import { type RunningServer, startServer } from '../src/server/server';
import type { GuardsOrder, GuardsResult } from './support/guards';
import { type Helper, startHelper } from './support/helper';
import { revokeMany } from './support/live-revocations';
import { aim, type Figure, milliseconds, note, runBench } from './support/report';
import { SETTINGS } from './support/settings';
import { median } from './support/statistics';
import { withStores } from './support/stores';

const MANY = Number(process.argv[2] ?? 1_000_000);
const ROUNDS = 5;

/** s in which a service must have joined, and ms for which the node's event loop may be held meanwhile. */
const LONGEST_JOIN = 15;
const LONGEST_TURN = 50;

/** Waits until the view of a node is current. */
async function untilCurrent({ url }: RunningServer): Promise<void> {
  for (;;) {
    const { view } = (await (await fetch(`${url}/readyz`)).json()) as { view?: string };
    if (view === 'current') return;
    await sleep(100);
  }
}

interface Joined {
  /** s until the view of the service is current */
  readonly seconds: number;
  /** ms; the longest turn of the node's event loop */
  readonly turn: number;
  /** s of processor time of the node */
  readonly processor: number;
}

/** Lets one service join, and closes the one before. */
async function join(node: RunningServer, services: Helper<GuardsOrder, GuardsResult>): Promise<Joined> {
  await services.ask({ nodes: [node.url], count: 0 });
  let result: GuardsResult | undefined;
  const before = process.cpuUsage();
  const turn = await longestTurn(async () => {
    result = await services.ask({ nodes: [node.url], count: 1 });
  });
  if (result?.current !== 1 || result.names !== MANY)
    throw new Error(`The service did not join: ${JSON.stringify(result)}`);
  const { user, system } = process.cpuUsage(before);
  const joined = { seconds: result.took / 1000, turn, processor: (user + system) / 1e6 };
  note(`${joined.seconds.toFixed(1)} s, processor ${joined.processor.toFixed(1)} s, ${milliseconds(turn)}`);
  return joined;
}

runBench(`snapshot: a service joins a node with ${MANY.toLocaleString('en')} live revocations`, () =>
  withStores(async (stores): Promise<Figure[]> => {
    const databaseUrl = await stores.database('snapshot');
    const start = () =>
      startServer(
        readConfig({ ...SETTINGS, PORT: '0', DATABASE_URL: databaseUrl, REDIS_URL: stores.redisUrl }),
        createLogger('warn'),
      );
    await (await start()).close();
    note(`inserting ${MANY.toLocaleString('en')} live revocations …`);
    await revokeMany(databaseUrl, MANY);
    // In this process, whose event loop is watched.
    const node = await start();
    await untilCurrent(node);
    const services = startHelper<GuardsOrder, GuardsResult>('guards');
    const idle = await longestTurn(() => sleep(3000));
    const joins: Joined[] = [];
    while (joins.length < ROUNDS) {
      note(`joining, ${joins.length + 1} of ${ROUNDS} …`);
      joins.push(await join(node, services));
    }
    services.stop();
    await node.close();
    const seconds = median(joins.map((each) => each.seconds));
    const processor = median(joins.map((each) => each.processor));
    const turn = Math.max(...joins.map((each) => each.turn));
    return [
      {
        name: 'until the service’s view is current',
        measured: `${seconds.toFixed(1)} s`,
        aim: aim(`< ${LONGEST_JOIN} s`, seconds < LONGEST_JOIN),
      },
      { name: 'processor time of the node for it', measured: `${processor.toFixed(1)} s` },
      {
        name: 'the longest turn of the node’s event loop meanwhile',
        measured: milliseconds(turn),
        aim: aim(`< ${LONGEST_TURN} ms`, turn < LONGEST_TURN),
      },
      { name: 'the longest turn before, with nothing to do', measured: milliseconds(idle) },
    ];
  }),
);
