import { setTimeout as sleep } from 'node:timers/promises';
import type { Fault } from './fault';
import { type FaultKind, FAULTS, isEvil, kindsFor } from './faults';
import type { Fleet } from './fleet';
import type { Random } from './random';

/** Added to each calm, in ms: reconnecting takes time, however short the lease. */
const SHORTEST_CALM = 400;

export interface PlannedFault {
  readonly kind: FaultKind;
  readonly fault: Fault;
  /** Its start in leases, from the beginning of the episode. */
  readonly begins: number;
}

/** A calm, then one fault or a few that overlap. The next episode begins when all are repaired. */
export interface Episode {
  /** In leases. */
  readonly calm: number;
  readonly faults: readonly PlannedFault[];
}

/** A fault as it took place. Times in ms of `performance.now()`. */
export interface PastFault {
  readonly kind: FaultKind;
  readonly name: string;
  readonly from: number;
  /** The time of its repair; undefined while it lasts. */
  to?: number;
}

/** `harmed`: there were followers that do harm, and nothing else. */
export type Weather = 'calm' | 'harmed' | 'troubled';

export interface Storm {
  readonly past: readonly PastFault[];
  /** The faults at any time between these two. */
  readonly during: (from: number, to: number) => string[];
  /** What was at any time between these two. */
  readonly weather: (from: number, to: number) => Weather;
  /** Makes faults until `signal` aborts. Resolves when the last one is repaired. */
  rage(signal: AbortSignal): Promise<void>;
}

/** Every kind comes once before any is repeated, in an order given by the seed. */
function* inTurns(random: Random, kinds: readonly FaultKind[]): Generator<FaultKind, never> {
  for (;;) yield* random.shuffled(kinds);
}

/** Depends only on the seed and the names of nodes and services, not on events of the run. */
export function* plan(
  fleet: Fleet,
  random: Random,
  chosen?: readonly FaultKind[],
): Generator<Episode, never> {
  const turns = inTurns(random, kindsFor(fleet, chosen));
  for (let number = 0; ; number++) {
    const count = random.weighted([
      [60, 1],
      [28, 2],
      [12, 3],
    ] as const);
    const faults: PlannedFault[] = [];
    for (let i = 0; i < count; i++) {
      const kind = turns.next().value;
      const fault = FAULTS[kind](fleet, random.fork(`fault ${number}.${i}`));
      const taken = faults.some((other) => other.fault.claims.some((claim) => fault.claims.includes(claim)));
      // The first one always comes. One that conflicts with it is left for its next turn.
      if (!taken) faults.push({ kind, fault, begins: i === 0 ? 0 : 1.5 * random.next() });
    }
    yield { calm: 0.7 + 2 * random.next(), faults };
  }
}

export function createStorm(
  fleet: Fleet,
  random: Random,
  lease: number,
  kinds?: readonly FaultKind[],
): Storm {
  const past: PastFault[] = [];

  const make = async ({ kind, fault, begins }: PlannedFault) => {
    await sleep(begins * lease);
    const entry: PastFault = { kind, name: fault.name, from: performance.now() };
    past.push(entry);
    await fault.make();
    await sleep(fault.leases * lease);
    await fault.repair();
    entry.to = performance.now();
  };

  const between = (from: number, to: number) =>
    past.filter((fault) => fault.from <= to && (fault.to ?? Infinity) >= from);

  return {
    past,
    during: (from, to) =>
      between(from, to).map(({ name, from: began }) => `${name} (since ${Math.round(began)} ms)`),
    weather(from, to) {
      const faults = between(from, to);
      if (faults.length === 0) return 'calm';
      return faults.every(({ kind }) => isEvil(kind)) ? 'harmed' : 'troubled';
    },
    async rage(signal) {
      for (const { calm, faults } of plan(fleet, random, kinds)) {
        await sleep(SHORTEST_CALM + calm * lease, undefined, { signal }).catch(() => undefined);
        if (signal.aborted) return;
        const ends = await Promise.allSettled(faults.map(make));
        const failed = ends.find((end) => end.status === 'rejected');
        // All faults are repaired first, because a half-stopped fleet could not be closed.
        if (failed) throw failed.reason;
      }
    },
  };
}
