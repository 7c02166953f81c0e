import type DataLoader from 'dataloader';
import type { Caller } from '../actions/client';
import type { Session, User } from '../core/account';
import type { SessionsOfUser } from '../core/ports/sessions';
import type { AuthResult } from '../guard/guard';
import type { Receipt } from '../core/receipt';
import type { LoggedRevocation } from '../core/revocation';
import type { Outcome } from './outcome';

/** The context of resolvers, created for each request. */
export interface Context extends Omit<Caller, 'auth'> {
  /** Checked again before each mutation but the first: an earlier one may have ended the token. */
  auth: AuthResult;
  authenticate(): Promise<AuthResult>;
  /** Whether one of our mutations has begun. */
  hasMutated: boolean;
  /** ms by `performance.now()`, after which no mutation begins and every query times out. */
  readonly deadline: number;
  setRefreshCookie(refreshToken: string, expiresAt: Date): void;
  clearRefreshCookie(): void;
  /** Receipts for the response's extensions. */
  readonly receipts: Receipt[];
  readonly outcome: Outcome;
  /** Loads users by id, in one statement. */
  readonly users: DataLoader<string, User | undefined>;
  /** Loads live sessions by user, in one statement. Not cached: a mutation may change them. */
  readonly sessions: DataLoader<SessionsOfUser, readonly Session[]>;
}

/** The context of a subscription, for as long as it lives. */
export interface SubscriptionContext extends Pick<Caller, 'auth'> {
  /** Revocations as they become known, until the client completes the subscription or the socket closes. */
  readonly revocations: {
    ofUser(): AsyncIterable<LoggedRevocation>;
    all(): AsyncIterable<LoggedRevocation>;
  };
}
