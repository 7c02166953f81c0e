import type { LoggedRevocation } from '../revocation';

/** One unbroken life of our data in one Redis server, as it was when it was asked for. */
export interface EpochState {
  readonly id: string;
  /** How many revocations have been published in it. */
  readonly tail: number;
  /** Where the stream is to be read from, to meet all that comes behind the tail; the beginning, if it is empty. */
  readonly cursor: string;
  /** Whether the stream holds the whole live log, so that a process without Postgres can follow from its beginning. */
  readonly filled: boolean;
  /** ms; the fleet's lease, once a node has said it. */
  readonly lease: number | undefined;
}

/** The cursor before everything. */
export const BEGINNING = '0-0';

/** The epoch that was named has ended: what was done in it counts no more, and nothing was done now. */
export type Stale = 'STALE';

export interface Beat {
  /** How many revocations had been published when the beat was counted. */
  readonly tail: number;
  /** Whether the stream holds the whole live log, so that a process without Postgres can follow. */
  readonly filled: boolean;
  /** s; no access token of any node lives longer. */
  readonly longestTokenTtl: number;
  /** ms since the epoch, by the clock of Postgres: what had expired by then may be missing in the stream. */
  readonly asOf: number;
}

/** The nodes that must have applied a revocation before it is in force everywhere, each with its last beat. */
export type Roll = ReadonlyMap<string, { readonly position: number; readonly beat: string }>;

export interface Publication {
  readonly epochId: string;
  /** The place of the last of the entries. Who has applied it has applied all of them. */
  readonly position: number;
  readonly roll: Roll;
}

export interface StreamEntry {
  /** A cursor from which to read on. */
  readonly cursor: string;
  readonly epochId: string;
  readonly position: number;
  /** `undefined` for a line that no node can have written. */
  readonly revocation: LoggedRevocation | undefined;
}

export interface NodeBeat {
  readonly node: string;
  /** How many revocations it has applied. */
  readonly position: number;
  /** s; the longest that an access token may live, as this node knows it. */
  readonly tokenTtl: number;
}

/**
 * The revocation log as it is relayed to all nodes, and the roll of those who follow it. Each method is one script, which
 * acts in the epoch that it is given or answers `STALE`. All throw `SERVICE_UNAVAILABLE` when Redis can't be reached, and
 * then may have taken effect.
 */
export interface LogStream {
  /** The epoch that is, or a new one where there was none, or only another server's. */
  hello(): Promise<EpochState>;
  /** Enters the node into the roll, or notes that it is there. */
  beat(epochId: string, beat: NodeBeat): Promise<Beat | Stale>;
  /** The same for a process that follows nothing yet: proves only that the epoch lives and takes writes. */
  probe(epochId: string): Promise<Beat | Stale>;
  /** Appends them, and adds them to the records that are there. Doing so twice does no harm. */
  publish(epochId: string, entries: readonly LoggedRevocation[]): Promise<Publication | Stale>;
  /** Who follows now. */
  roll(epochId: string): Promise<Roll | Stale>;
  /** Strikes these nodes off, each only if its beat is still the one given. */
  strike(epochId: string, beats: ReadonlyMap<string, string>): Promise<void>;
  /** Strikes this node off, whatever its beat. To be done only when it relies on nothing any more. */
  leave(epochId: string, node: string): Promise<void>;
  /**
   * Appends a part of the live log, which must have been read after the epoch's id was learned; with the last part, the
   * stream counts as filled. `TAKEN`: another node is at it.
   *
   * @param asOf ms since the epoch, by the clock of Postgres: what had expired by then is missing
   */
  heal(
    epochId: string,
    node: string,
    entries: readonly LoggedRevocation[],
    isLast: boolean,
    asOf: number,
  ): Promise<'OK' | 'TAKEN' | Stale>;
}

/** Reads the stream as it grows. */
export interface LogReader {
  /** What comes behind the cursor: at once if there is something, otherwise when there is, or nothing after a while. */
  readFrom(cursor: string): Promise<StreamEntry[]>;
  /** Reads by another connection from now on: this one brings nothing, though there is something. */
  reconnect(): void;
}
