import type { Fleet } from './fleet';
import type { Random } from './random';

/** A fault that is made and repaired. */
export interface Fault {
  /** A description for the report. */
  readonly name: string;
  /** The parts it affects. Two faults that share a part are not made at once. */
  readonly claims: readonly string[];
  /** Its duration, in leases. */
  readonly leases: number;
  readonly make: () => unknown;
  readonly repair: () => unknown;
}

export type Maker = (fleet: Fleet, random: Random) => Fault;

export const between = (random: Random, [from, to]: readonly [number, number]) =>
  from + (to - from) * random.next();
