import type { AuditEventType } from '../account';
import type { Decision } from '../decision';
import type { NoGrantReason } from '../follow-messages';
import type { MailKind } from '../mail';

/** The store that decided on a token; `none` if no store that could decide was reachable. */
export type CheckStep = 'view' | 'redis' | 'postgres' | 'introspection' | 'none';

export type CheckAnswer = Exclude<Decision, 'UNKNOWN'> | 'UNAVAILABLE';

/**
 * How a revocation was confirmed. `applied`: by all nodes. `outwaited`: every lease granted before has ended.
 * `elsewhere`: by another node. `committed`: by the commit, without copies.
 */
export type ConfirmationWay = 'applied' | 'outwaited' | 'elsewhere' | 'committed';

/** What a follower was answered to its heartbeat. */
export type GrantAnswer = 'GRANTED' | NoGrantReason;

/** Why the node cut a follower off, or lost it. */
export type FollowerDrop =
  /** The connection ended without a farewell. */
  | 'LOST'
  /** Nothing came between two pings. */
  | 'SILENT'
  /** It did not read what it was sent. */
  | 'TOO_SLOW'
  | 'NOT_JOINED'
  | 'TOO_MANY_MESSAGES'
  | 'MALFORMED'
  /** The node stopped before it said farewell. */
  | 'STOPPING';

/** Counts events. It is called on the hot path, so it must be fast. */
export interface Metrics {
  checked(step: CheckStep, answer: CheckAnswer): void;
  /** @param ms from the commit to the confirmation */
  confirmed(way: ConfirmationWay, ms: number): void;
  /** A mutation had to answer `confirmed: false`. */
  unconfirmed(): void;
  /** Revocations that another node, or an earlier run of this one, left unconfirmed were published. */
  relayed(count: number): void;
  /**
   * A request was answered.
   *
   * @param operation a field of the schema, a route, `several` or `none`: never a client's text
   * @param code `OK`, a code of an error, or `HTTP_` and a status
   * @param ms from its arrival to the end of its answer
   */
  answered(operation: string, code: string, ms: number): void;
  /** A refused request was reported to the audit log. */
  refused(type: AuditEventType): void;
  /** The audit log left out a refused request, beyond the recorder's limits. */
  refusalNotRecorded(type: AuditEventType): void;
  /** How many passwords wait to be hashed now. */
  hashesWaiting(count: number): void;
  /** A password was not hashed: too many waited, or its client had disconnected. */
  hashNotMade(why: 'refused' | 'abandoned'): void;
  mailSent(kind: MailKind): void;
  /** A mail was not sent, and is tried again later. */
  mailRetried(kind: MailKind): void;
  mailGivenUp(kind: MailKind): void;
  /** A new password was looked up among breached ones. `unavailable`: it was accepted without an answer. */
  breachChecked(answer: 'clean' | 'breached' | 'unavailable'): void;
  socketOpened(): void;
  socketClosed(reason: string): void;
  /** The heartbeat of a follower was answered. */
  granted(answer: GrantAnswer): void;
  followerDropped(why: FollowerDrop): void;
}

export const noMetrics: Metrics = {
  checked: () => undefined,
  confirmed: () => undefined,
  unconfirmed: () => undefined,
  relayed: () => undefined,
  answered: () => undefined,
  refused: () => undefined,
  refusalNotRecorded: () => undefined,
  hashesWaiting: () => undefined,
  hashNotMade: () => undefined,
  mailSent: () => undefined,
  mailRetried: () => undefined,
  mailGivenUp: () => undefined,
  breachChecked: () => undefined,
  socketOpened: () => undefined,
  socketClosed: () => undefined,
  granted: () => undefined,
  followerDropped: () => undefined,
};
