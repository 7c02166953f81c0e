import type { LoggedRevocation } from '../revocation';

/** An epoch (the stream's life between two losses of Redis's data) when it was read. */
export interface EpochState {
  readonly id: string;
  /** How many revocations were published in it. */
  readonly tail: number;
  /** Where to start reading the stream to get everything after the tail; the beginning if it is empty. */
  readonly cursor: string;
  /** Whether the stream holds the whole live log. If so, a process without Postgres can follow it from the beginning. */
  readonly filled: boolean;
  /** ms; the nodes' lease, once a node has written it. */
  readonly lease: number | undefined;
}

/** The cursor before everything. */
export const BEGINNING = '0-0';

/** The given epoch has ended. What was done in it does not count, and this call did nothing. */
export type Stale = 'STALE';

export interface Beat {
  /** How many revocations were published when the heartbeat was counted. */
  readonly tail: number;
  /** Whether the stream holds the whole live log, so that a process without Postgres can follow it. */
  readonly filled: boolean;
  /** s; the longest access token lifetime of any node. */
  readonly longestTokenTtl: number;
  /** ms since the epoch, by the clock of Postgres. Entries that had expired by then may be missing in the stream. */
  readonly asOf: number;
}

/** A registered node. */
export interface Node {
  /** How many revocations it had applied. */
  readonly position: number;
  /** Its last heartbeat, which is different each time. */
  readonly beat: string;
}

/** Registered nodes, by name. */
export type Nodes = ReadonlyMap<string, Node>;

export interface Publication {
  readonly epochId: string;
  /** The position of the last entry. A node at this position has applied all entries. */
  readonly position: number;
  /** All nodes that were registered at that moment. A confirmation waits for these only. */
  readonly nodes: Nodes;
}

export interface StreamEntry {
  /** The cursor to read on from. */
  readonly cursor: string;
  readonly epochId: string;
  readonly position: number;
  /** `undefined` if no node can have written this entry. */
  readonly revocation: LoggedRevocation | undefined;
}

export interface NodeBeat {
  readonly node: string;
  /** How many revocations it has applied. */
  readonly position: number;
  /** s; the longest access token lifetime that this node knows of. */
  readonly tokenTtl: number;
}

/**
 * The revocation log in Redis, which all nodes follow, and the list of these nodes. Each method is one script, which
 * acts in the given epoch or returns `STALE`. Each throws `SERVICE_UNAVAILABLE` when Redis cannot be reached; the
 * script may then still have run.
 */
export interface LogStream {
  /** Reads the epoch. Begins a new one if there is none, or if it began on another server. */
  hello(): Promise<EpochState>;
  /** Sends a heartbeat: enters the node into the list, or updates its entry. */
  beat(epochId: string, beat: NodeBeat): Promise<Beat | Stale>;
  /** Sends a heartbeat for a process that does not follow yet. Proves that the epoch is alive and accepts writes. */
  probe(epochId: string): Promise<Beat | Stale>;
  /** Appends the entries and adds them to existing records. It is safe to repeat. */
  publish(epochId: string, entries: readonly LoggedRevocation[]): Promise<Publication | Stale>;
  /** Reads those of these nodes that are registered now. */
  nodes(epochId: string, names: readonly string[]): Promise<Nodes | Stale>;
  /** Removes these nodes from the list, each only if its last heartbeat is still the given one. */
  remove(epochId: string, beats: ReadonlyMap<string, string>): Promise<void>;
  /** Removes this node from the list. Call it only when the node no longer trusts its view. */
  leave(epochId: string, node: string): Promise<void>;
  /**
   * Appends a part of the live log, which must have been read after the epoch's id. The last part marks the stream as
   * filled. `TAKEN`: another node is filling it.
   *
   * @param asOf ms since the epoch, by the clock of Postgres. Entries that had expired by then are missing.
   */
  heal(
    epochId: string,
    node: string,
    entries: readonly LoggedRevocation[],
    isLast: boolean,
    asOf: number,
  ): Promise<'OK' | 'TAKEN' | Stale>;
}

/** Follows the stream. */
export interface LogReader {
  /** Reads the entries after the cursor. Waits for some; after a while returns none. */
  readFrom(cursor: string): Promise<StreamEntry[]>;
  /** Opens a new connection, because this one returns nothing although there are entries. */
  reconnect(): void;
}
