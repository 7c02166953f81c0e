import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '../support/eventually';
import { createCrowd } from './crowd';
import type { FaultKind } from './faults';
import { type FleetOptions, startFleet } from './fleet';
import { judge, type Settlement } from './oracle';
import { createRandom } from './random';
import type { Report } from './report';
import { createStorm } from './storm';
import { createTally } from './tally';
import { countViolations, createWitness } from './witness';

export interface RunOptions extends FleetOptions {
  readonly seed: string;
  /** The duration in ms. The run may end earlier, after this many revocations. */
  readonly duration: number;
  readonly revocations: number;
  /** ms */
  readonly lease: number;
  /** See `REDIS_WAIT_REPLICAS`. */
  readonly waitReplicas: number;
  readonly users: number;
  /** The number of clients at each node. */
  readonly actors: number;
  readonly auditors: number;
  readonly refreshers: number;
  /** The kinds of faults; all if left out. */
  readonly faults?: readonly FaultKind[];
  /** Called with the progress from time to time. */
  readonly progress?: (line: string) => void;
}

const nameOf = ({ mode, redis, set, waitReplicas }: RunOptions) =>
  mode === 'embedded'
    ? 'embedded'
    : [
        `Redis: ${redis}`,
        ...(redis === 'single' ? [] : [`${set.replicas} replicas`]),
        `${waitReplicas} waited for`,
        ...(redis === 'sentinels' && !set.attentive ? ['sentinels as usual'] : []),
        ...set.settings,
      ].join(', ');

/** The time between two reports of progress, in ms. */
const PROGRESS_INTERVAL = 10_000;

/** The time after the faults within which every request must be answered, in ms. */
const LAST_ANSWER = 60_000;

/** Starts a fleet, runs clients and faults against it, and judges the results. */
export async function run(options: RunOptions): Promise<Report> {
  const { seed, duration, revocations, lease, progress = () => undefined } = options;
  const random = createRandom(seed);
  const fleet = await startFleet(options, {
    RATE_LIMIT: 'off',
    LOG_LEVEL: 'warn',
    REVOCATION_LEASE: `${lease}ms`,
    REDIS_WAIT_REPLICAS: options.mode === 'embedded' ? undefined : `${options.waitReplicas}`,
    // Longer than any run: no token may expire and be forgotten before it is judged.
    ACCESS_TOKEN_TTL: '12h',
  });
  const calmDown = new AbortController();
  const stop = new AbortController();
  try {
    const storm = createStorm(fleet, random.fork('storm'), lease, options.faults);
    const tally = createTally(storm.weather);
    const witness = createWitness(storm.during);
    const crowd = createCrowd({ ...options, fleet, witness, tally, random: random.fork('crowd') });
    await crowd.gather();

    const began = performance.now();
    let failure: unknown;
    const watched = (work: Promise<void>) => {
      work.catch((error: unknown) => {
        failure = error;
      });
      return work;
    };
    const acting = watched(crowd.act(stop.signal));
    const hasConfirmed = () => tally.latencies.calm.length > 0;
    // The first requests run without faults, so that even a slow machine has tokens to judge.
    await eventually(() => {
      if (!hasConfirmed()) throw new Error('Nothing is confirmed, although nothing is wrong.');
    }, LAST_ANSWER);
    const raging = watched(storm.rage(calmDown.signal));

    let reported = began;
    const isOver = () =>
      performance.now() - began >= duration ||
      tally.acknowledged >= revocations ||
      witness.enough.aborted ||
      failure !== undefined;
    while (!isOver()) {
      await sleep(50);
      if (performance.now() - reported < PROGRESS_INTERVAL) continue;
      reported = performance.now();
      progress(
        `${((reported - began) / 1000).toFixed(0)} s: ${tally.acknowledged} revocations, ${storm.past.length} faults, ${countViolations(witness.violations)} violations`,
      );
    }
    calmDown.abort();
    await raging;
    stop.abort();
    const overdue = setTimeout(() => {
      witness.accuse('A request got no answer.', undefined, [
        `It is still waited for ${LAST_ANSWER / 1000} s after the last fault.`,
      ]);
    }, LAST_ANSWER);
    await acting;
    clearTimeout(overdue);

    const { population } = crowd;
    const settlement: Settlement | undefined = await judge({
      fleet,
      witness,
      population,
      tally,
      random: random.fork('oracle'),
    });
    return {
      seed,
      duration: performance.now() - began,
      lease: `${lease} ms`,
      stores: nameOf(options),
      tally,
      faults: storm.past,
      services: fleet.services.map(({ checks }) => checks),
      counts: witness.counts,
      tokens: witness.ledger.tokens.size,
      settlement,
      violations: witness.violations,
    };
  } finally {
    calmDown.abort();
    stop.abort();
    await fleet.close();
  }
}
