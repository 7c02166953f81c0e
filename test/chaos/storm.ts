import { setTimeout as sleep } from 'node:timers/promises';
import { type Fault, FAULT_KINDS, type FaultKind, FAULTS } from './faults';
import type { Fleet } from './fleet';
import type { Random } from './random';

/** ms that are added to each calm: reconnecting takes its time, however short the lease. */
const SHORTEST_CALM = 400;

export interface PlannedFault {
  readonly kind: FaultKind;
  readonly fault: Fault;
  /** In leases, from the beginning of its episode. */
  readonly begins: number;
}

/** A calm, and then one fault, or a few that overlap. The next one begins when all is put right. */
export interface Episode {
  /** In leases. */
  readonly calm: number;
  readonly faults: readonly PlannedFault[];
}

/** A fault as it really took place. Times in ms of `performance.now()`. */
export interface PastFault {
  readonly kind: FaultKind;
  readonly name: string;
  readonly from: number;
  /** When it was put right; undefined while it lasts. */
  to?: number;
}

export interface Storm {
  readonly past: readonly PastFault[];
  /** What was wrong at some time between these two. */
  readonly during: (from: number, to: number) => string[];
  /** Makes faults until `signal` aborts, and resolves when the last one is put right. */
  rage(signal: AbortSignal): Promise<void>;
}

/** Every kind comes once before any comes again, in an order of the seed's. */
function* inTurns(random: Random, kinds: readonly FaultKind[]): Generator<FaultKind, never> {
  for (;;) yield* random.shuffled(kinds);
}

/** Depends on the seed alone, and on the names of the nodes; not on what happens meanwhile. */
export function* plan(
  fleet: Fleet,
  random: Random,
  kinds: readonly FaultKind[] = FAULT_KINDS,
): Generator<Episode, never> {
  const turns = inTurns(random, kinds);
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
      // The first one always comes. Another that is in its way is left out until its next turn.
      if (!taken) faults.push({ kind, fault, begins: i === 0 ? 0 : 1.5 * random.next() });
    }
    yield { calm: 0.7 + 2 * random.next(), faults };
  }
}

export function createStorm(
  fleet: Fleet,
  random: Random,
  lease: number,
  kinds: readonly FaultKind[] = FAULT_KINDS,
): Storm {
  const past: PastFault[] = [];

  const make = async ({ kind, fault, begins }: PlannedFault) => {
    await sleep(begins * lease);
    const entry: PastFault = { kind, name: fault.name, from: performance.now() };
    past.push(entry);
    await fault.strike();
    await sleep(fault.leases * lease);
    await fault.heal();
    entry.to = performance.now();
  };

  return {
    past,
    during: (from, to) =>
      past
        .filter((fault) => fault.from <= to && (fault.to ?? Infinity) >= from)
        .map(({ name, from: began }) => `${name} (since ${Math.round(began)} ms)`),
    async rage(signal) {
      for (const { calm, faults } of plan(fleet, random, kinds)) {
        await sleep(SHORTEST_CALM + calm * lease, undefined, { signal }).catch(() => undefined);
        if (signal.aborted) return;
        const ends = await Promise.allSettled(faults.map(make));
        const failed = ends.find((end) => end.status === 'rejected');
        // All are put right first: a fleet that is half stopped could not be closed well.
        if (failed) throw failed.reason;
      }
    },
  };
}
