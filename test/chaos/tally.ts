import type { Weather } from './storm';

/** The outcomes of the revocations of one kind. */
export interface KindTally {
  confirmed: number;
  unconfirmed: number;
  /** Refused: the token had ended, or the session was gone. */
  refused: number;
  /** No answer, or 503. */
  unknown: number;
}

/** The counts of a run. */
export interface Tally {
  readonly kinds: ReadonlyMap<string, KindTally>;
  /** The reasons of unconfirmed receipts, with their numbers. */
  readonly reasons: ReadonlyMap<string, number>;
  /** The times to the confirmed receipt in ms, by what was wrong meanwhile. */
  readonly latencies: Readonly<Record<Weather, number[]>>;
  /** When each confirmed receipt arrived. */
  readonly confirmedAt: readonly number[];
  /** The unconfirmed receipts while followers did harm, and nothing else was wrong. */
  unconfirmedByHarm: number;
  /** The revocations with a receipt, confirmed or not. */
  acknowledged: number;
  logins: number;
  /** The refresh tokens that were exchanged for others. */
  refreshes: number;
  /** The answers to a refresh token that had been answered before, by the same tokens. */
  repeated: number;
  /** The old refresh tokens that ended their session. */
  thefts: number;
  of(kind: string): KindTally;
  tookUntilConfirmed(sent: number, received: number): void;
  unconfirmed(reason: string, sent: number, received: number): void;
}

export function createTally(weather: (from: number, to: number) => Weather): Tally {
  const kinds = new Map<string, KindTally>();
  const reasons = new Map<string, number>();
  const latencies: Record<Weather, number[]> = { calm: [], harmed: [], troubled: [] };
  const confirmedAt: number[] = [];
  const tally: Tally = {
    kinds,
    reasons,
    latencies,
    confirmedAt,
    unconfirmedByHarm: 0,
    acknowledged: 0,
    logins: 0,
    refreshes: 0,
    repeated: 0,
    thefts: 0,
    of(kind) {
      const known = kinds.get(kind) ?? { confirmed: 0, unconfirmed: 0, refused: 0, unknown: 0 };
      kinds.set(kind, known);
      return known;
    },
    tookUntilConfirmed(sent, received) {
      latencies[weather(sent, received)].push(received - sent);
      confirmedAt.push(received);
    },
    unconfirmed(reason, sent, received) {
      reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
      if (weather(sent, received) === 'harmed') tally.unconfirmedByHarm += 1;
    },
  };
  return tally;
}
