import type { VerifiedToken } from '../claims';
import type { FoundInCopy } from '../decision';
import type { TruthOnUser } from './truth';

/** Leave to fill a missing record: void as soon as anything was published for it, or its epoch has ended. */
export type FillTicket = object;

export type RecordAnswer =
  | { readonly found: true; readonly known: FoundInCopy }
  /** There is no record. That means unknown, never "not revoked". */
  | { readonly found: false; readonly ticket: FillTicket };

/**
 * The fast copy: per user one record. Every method throws `SERVICE_UNAVAILABLE` when it can't be reached, and when the
 * epoch has ended that it is asked in.
 */
export interface Records {
  read(epochId: string, token: VerifiedToken): Promise<RecordAnswer>;
  /** Makes the record, unless the ticket is void. Never lowers a version or drops a denied id. */
  fill(ticket: FillTicket, userId: string, truth: TruthOnUser): Promise<void>;
}
