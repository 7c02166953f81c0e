import type { VerifiedToken } from '../claims';
import type { Known } from '../decision';
import type { LoggedRevocation } from '../revocation';
import type { TruthOnUser } from './truth';

/** Leave to fill a missing record: void as soon as anything was published for it, or its epoch has ended. */
export type FillTicket = object;

export type RecordAnswer =
  | { readonly found: true; readonly known: Extract<Known, { from: 'copy' }> }
  /** There is no record. That means unknown, never "not revoked". */
  | { readonly found: false; readonly ticket: FillTicket };

/**
 * The fast copy: per user one record. Every method throws `SERVICE_UNAVAILABLE` when it can't be reached.
 */
export interface Records {
  read(token: VerifiedToken): Promise<RecordAnswer>;
  /** Makes the record, unless the ticket is void. Never lowers a version or drops a denied id. */
  fill(ticket: FillTicket, userId: string, truth: TruthOnUser): Promise<void>;
}

/** Carries committed revocations to where checks look first. */
export interface Publisher {
  /**
   * Resolves once every entry is where each node's next check meets it; throws `SERVICE_UNAVAILABLE` otherwise, and
   * then some of the entries may have arrived. Publishing again does no harm.
   */
  publish(entries: readonly LoggedRevocation[]): Promise<void>;
}

/** How a store does. */
export interface Reachable {
  /** Resolves when the store answers within its deadline, and does what it is for; rejects otherwise. */
  ping(): Promise<void>;
}
