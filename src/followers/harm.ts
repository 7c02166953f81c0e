import type { Clock } from '../core/clock';

/** ms; so many delays of confirmations within this time are too many. */
const PERIOD = 10 * 60_000;
const TOO_MANY = 3;

/** ms; what comes within this time, or within two leases, is one stumble: of several services on a paused machine, say. */
const STUMBLE = 2000;

/** ms of the first ban. Each further one is twice as long as the one before, up to the longest. */
const FIRST_BAN = 60_000;
const LONGEST_BAN = 3_600_000;

/** ms after a ban for which the next one would be longer. */
const MEMORY = 3_600_000;

/** Blocks that are remembered. Only who knows the secret is. */
const MOST_BLOCKS = 1000;

interface Record {
  /** By the monotonic clock, in ms. */
  readonly delays: readonly number[];
  readonly bannedUntil: number;
  /** ms; how long the last ban was. 0: there was none. */
  readonly lastBan: number;
}

const GOOD: Record = { delays: [], bannedUntil: -Infinity, lastBan: 0 };

/**
 * Remembers where followers delay confirmations. All services share one secret, so an address block is judged, not the
 * secret: a service that stumbles must not take the leases of all.
 */
export interface Harm {
  /**
   * A follower at this block has delayed confirmations. Call it for what was done, not for what might have been: services
   * that are killed and started again delay nothing if nothing was revoked meanwhile.
   *
   * @returns ms of the ban that this began; `undefined` if it began none
   */
  note(block: string): number | undefined;
  isBanned(block: string): boolean;
  /** How many blocks it remembers. */
  readonly size: number;
}

/** @param lease ms */
export function createHarm(clock: Pick<Clock, 'monotonic'>, lease: number): Harm {
  const stumble = Math.max(STUMBLE, 2 * lease);
  const records = new Map<string, Record>();

  const isForgotten = ({ delays, bannedUntil }: Record, now: number) =>
    now - bannedUntil >= MEMORY && now - (delays.at(-1) ?? -Infinity) >= PERIOD;

  /** Keeps the one that was written last at the end, and drops what no longer matters, or the oldest. */
  const write = (block: string, record: Record, now: number) => {
    records.delete(block);
    records.set(block, record);
    for (const [name, each] of records) {
      if (records.size <= MOST_BLOCKS && !isForgotten(each, now)) break;
      records.delete(name);
    }
  };

  return {
    note(block) {
      const now = clock.monotonic();
      const { delays, bannedUntil, lastBan } = records.get(block) ?? GOOD;
      // From the time before the ban.
      if (now < bannedUntil || now - (delays.at(-1) ?? -Infinity) < stumble) return undefined;
      const recent = [...delays.filter((at) => now - at < PERIOD), now];
      if (recent.length < TOO_MANY) {
        write(block, { delays: recent, bannedUntil, lastBan }, now);
        return undefined;
      }
      const isRepeated = now - bannedUntil < MEMORY;
      const ban = isRepeated ? Math.min(LONGEST_BAN, lastBan * 2) : FIRST_BAN;
      write(block, { delays: [], bannedUntil: now + ban, lastBan: ban }, now);
      return ban;
    },
    isBanned: (block) => clock.monotonic() < (records.get(block) ?? GOOD).bannedUntil,
    get size() {
      return records.size;
    },
  };
}
