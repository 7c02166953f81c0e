import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { systemClock } from '../src/core/clock';
import type { RevocationLog } from '../src/core/ports/truth';
import { connect } from '../src/server/database';
import { createTruth } from '../src/postgres/truth';
import { View } from '../src/protocol/view';
import { migrate } from '../src/postgres/start';
import { nanoseconds, prepareChecking } from './support/checking';
import { revokeMany } from './support/live-revocations';
import { aim, type Figure, note, runBench, times } from './support/report';
import { inTurn, median, ratio, timed } from './support/statistics';
import { withStores } from './support/stores';

const MANY = 1_000_000;
const FEW = 1000;

const LOADS = 3;
const ROUNDS = 51;
const REQUESTS = 10_000;
const WARM_UP = 100_000;
const TOKENS = 2000;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** The memory held after garbage collection, in MB. */
function memory(): number {
  collectGarbage();
  collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  return (heapUsed + external) / 1e6;
}

async function load(log: Pick<RevocationLog, 'eachLive'>): Promise<{ view: View; seconds: number }> {
  const view = new View(Infinity, () => systemClock.now());
  const ms = await timed(() =>
    log.eachLive((entries) => {
      for (const entry of entries) view.apply(entry);
      return Promise.resolve(true);
    }),
  );
  return { view, seconds: ms / 1000 };
}

runBench('view: one million live revocations', () =>
  withStores(async (stores): Promise<Figure[]> => {
    const logOf = async (name: string, count: number) => {
      const url = await stores.database(name);
      const dataSource = await connect({ url }, { statementTimeout: 0, poolSize: 2 });
      await migrate(dataSource, () => Promise.resolve());
      note(`inserting ${count.toLocaleString('en')} live revocations …`);
      await revokeMany(url, count);
      return createTruth(dataSource, { hasCopies: true, clockSkew: 0 }).log;
    };
    const many = await logOf('many', MANY);
    const few = await logOf('few', FEW);

    note('loading them …');
    // Only for the first: its remains in memory would distort the next.
    const before = memory();
    const first = await load(many);
    const size = memory() - before;
    const seconds = [first.seconds];
    while (seconds.length < LOADS) seconds.push((await load(many)).seconds);
    if (first.view.size !== MANY) throw new Error(`The view holds ${first.view.size}.`);
    first.view.clear();

    const checking = await prepareChecking();
    const headers = await checking.headers(TOKENS);
    const overMany = await checking.guardOver((part) => many.eachLive(part));
    const overFew = await checking.guardOver((part) => few.eachLive(part));
    await nanoseconds(overMany, headers, WARM_UP);
    await nanoseconds(overFew, headers, WARM_UP);
    const checks = await inTurn(ROUNDS, {
      many: () => nanoseconds(overMany, headers, REQUESTS),
      few: () => nanoseconds(overFew, headers, REQUESTS),
    });

    const loading = median(seconds);
    const slower = ratio(checks.many, checks.few);
    return [
      { name: 'memory', measured: `${Math.round(size)} MB`, aim: aim('< 200 MB', size < 200) },
      {
        name: 'loading it from Postgres',
        measured: `${loading.toFixed(1)} s`,
        aim: aim('< 15 s', loading < 15),
      },
      { name: 'a check, to one with 1,000', measured: times(slower), aim: aim('< 1.5', slower < 1.5) },
    ];
  }),
);
