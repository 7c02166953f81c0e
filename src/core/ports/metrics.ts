import type { AuditEventType } from '../account';
import type { Decision } from '../decision';

/** Which store decided on a token; none: no store that could tell was reachable. */
export type CheckStep = 'view' | 'redis' | 'postgres' | 'introspection' | 'none';

export type CheckAnswer = Exclude<Decision, 'UNKNOWN'> | 'UNAVAILABLE';

/**
 * How a revocation was confirmed: all nodes had applied it; or every lease had ended that was granted before; or another
 * node did it; or there are no copies, and committed is confirmed.
 */
export type ConfirmationWay = 'applied' | 'outwaited' | 'elsewhere' | 'committed';

/** What happens here, told to whoever counts it. Called on the hot path, so it must be quick. */
export interface Metrics {
  checked(step: CheckStep, answer: CheckAnswer): void;
  /** @param ms from the commit to the confirmation */
  confirmed(way: ConfirmationWay, ms: number): void;
  /** A mutation had to answer `confirmed: false`. */
  unconfirmed(): void;
  /** Revocations that another node, or an earlier life of this one, had left behind. */
  relayed(count: number): void;
  /**
   * A request was answered.
   *
   * @param operation a field of the schema, a route, `several` or `none`: never a client's text
   * @param code `OK`, a code of an error, or `HTTP_` and a status
   * @param ms from its arrival to the end of its answer
   */
  answered(operation: string, code: string, ms: number): void;
  /** A request was refused in a way that the audit log tells of. */
  refused(type: AuditEventType): void;
  /** Such an event was beyond the recorder's limits. */
  refusalNotRecorded(type: AuditEventType): void;
  /** Passwords that wait for their turn to be hashed, now. */
  hashesWaiting(count: number): void;
  /** A password was not hashed: too many waited, or its client has gone. */
  hashNotMade(why: 'refused' | 'abandoned'): void;
  socketOpened(): void;
  socketClosed(reason: string): void;
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
  socketOpened: () => undefined,
  socketClosed: () => undefined,
};
