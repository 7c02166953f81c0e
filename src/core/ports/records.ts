import type { VerifiedToken } from '../claims';
import type { FoundInCopy } from '../decision';
import type { TruthOnUser } from './truth';

/** Permission to fill a missing record. It is void once anything was published for the record, or its epoch has ended. */
export type FillTicket = object;

export type RecordAnswer =
  | { readonly found: true; readonly known: FoundInCopy }
  /** No record exists. That means unknown, never "not revoked". */
  | { readonly found: false; readonly ticket: FillTicket };

/**
 * The records in Redis, one per user. Every method throws `SERVICE_UNAVAILABLE` when Redis cannot be reached, and when
 * the given epoch has ended.
 */
export interface Records {
  read(epochId: string, token: VerifiedToken): Promise<RecordAnswer>;
  /** Creates the record, unless the ticket is void. Never lowers a version or removes a denied id. */
  fill(ticket: FillTicket, userId: string, truth: TruthOnUser): Promise<void>;
}
