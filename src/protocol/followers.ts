import type { NoGrantReason, PartEntry } from '../core/follow-messages';
import type { LoggedRevocation } from '../core/revocation';
import type { Borrower, Lender } from './grants';

/** A place in the stream that a follower has reached: everything up to it is in its view. */
export interface Place {
  readonly epoch: string;
  readonly position: number;
}

/** What a follower stands on from now on. Positions that it was told before count no longer. */
export interface Start extends Place {
  /** The name of the node's joining. */
  readonly joining: string;
  /**
   * What the follower lacks, if it goes on from where it stood: send this, with `position`, then call `loaded`. Without
   * it, send the whole snapshot, then call `loaded`.
   */
  readonly missed?: readonly LoggedRevocation[];
}

/** The connection of one follower, as the node's state uses it. Messages arrive in the order of the calls. */
export interface FollowerConnection extends Borrower {
  /** Begins anew. Never called within `join`, and again at each new joining of the node. */
  begin(start: Start): void;
  /**
   * Sends what the view has taken in.
   *
   * @param entries may be empty; it is one array for all followers, so that it is put into text once
   * @param position the node's own position after them
   */
  send(entries: readonly LoggedRevocation[], position: number): void;
}

/** The answer to a beat. */
export interface Grant {
  readonly number: number;
  readonly joining: string;
  /** ms from the follower's stamp; 0 if nothing is granted. */
  readonly grant: number;
  /** Set if nothing is granted. */
  readonly reason?: NoGrantReason;
  /** The node's own position: the grant counts once the follower has applied it. */
  readonly tail: number;
  /** s; the longest access token lifetime of any node. */
  readonly longestTokenTtl: number;
  /** ms since the epoch, by the clock of Postgres. */
  readonly asOf: number;
}

/** A follower, as its connection tells of it. */
export interface Follower {
  /**
   * Everything of the snapshot, or what was missed, has been handed to the connection.
   *
   * @returns the position to tell the follower; `undefined` if another joining has begun, or begins soon
   */
  loaded(joining: string): number | undefined;
  /** @param mayHold false: it is told everything, and is granted nothing */
  beat(number: number, joining: string, position: number, mayHold?: boolean): Grant;
  ack(joining: string, position: number): void;
  /** The follower has given up what it was granted in this joining. */
  returned(joining: string): void;
  /** The follower has given up everything that it was granted, and leaves. */
  farewell(): void;
  /** The connection has ended without a word. What was granted counts until it is over. */
  lost(): void;
}

export interface FollowersState {
  /** Followers that are connected. */
  readonly connected: number;
  /** Grants that are not over, those of lost connections included. */
  readonly grants: number;
  /** Positions that the follower furthest behind lacks, of those that hold a grant. */
  readonly lag: number;
}

/** The followers of this node, as the door that lets them in uses them. */
export interface Followers {
  /** The id of the database. */
  readonly databaseId: string;
  /** ms */
  readonly lease: number;
  /** ms since the Unix epoch; see `View`. Tell it when a snapshot begins, and again when it ends: the view goes on sweeping. */
  readonly sweptUntil: number;
  /** ms since the epoch, by the clock of Postgres. */
  readonly asOf: number;
  readonly state: FollowersState;
  /** All that the view holds. It may be read in turns of the event loop while the view changes. */
  snapshot(): Iterable<PartEntry>;
  /** @param from where the follower stood, at whichever node */
  join(connection: FollowerConnection, from?: Place): Follower;
  /** Grants nothing any more, and takes back. Resolves when each grant was returned, or is over. */
  stop(): Promise<void>;
}

/** The followers, as what keeps the view uses them. */
export interface FollowersOfView {
  /** The node joins at this place, and begins to load. */
  joined(place: Place): void;
  /** Everything is in the view: the followers can begin. */
  loaded(joining: string, place: Place, lender: Lender): void;
  /** The view has taken in what the stream has not brought. */
  took(entry: LoggedRevocation): void;
  /**
   * The view has taken in the next entries of the stream, and stands at this position. All are told, also what the view
   * had: a follower may have begun after the node took it in by itself, and a position says that nothing before it is
   * missing.
   */
  read(entries: readonly LoggedRevocation[], position: number): void;
  /** Grants nothing any more in this joining, and takes back. Resolves when each grant was returned, or is over. */
  left(joining: string): Promise<void>;
  /** The epoch has ended. Grants end with the leases that they are part of, so nothing need be taken back. */
  ended(): void;
  /** Whether more may be reported than was. */
  readonly hasRisen: boolean;
  /**
   * Returns the position to report: up to it, the node and all whose grants are not over have applied everything.
   * `undefined` between two joinings.
   */
  report(): number | undefined;
  /** Whether nobody holds a grant of this joining. */
  readonly isFree: boolean;
}
