import type DataLoader from 'dataloader';
import type { Caller } from '../actions/client';
import type { Session } from '../core/account';
import type { Receipt } from '../core/receipt';
import type { LoggedRevocation } from '../core/revocation';

/** What every resolver gets. Made anew for each request. */
export interface Context extends Caller {
  /** Gives the client its refresh token in a cookie. */
  setRefreshCookie(refreshToken: string, expiresAt: Date): void;
  /** Takes the cookie away, where there is one. */
  clearRefreshCookie(): void;
  /** What this request has ended, for the answer's extensions. */
  readonly receipts: Receipt[];
  /** The live sessions by user, asked for together. */
  readonly sessions: DataLoader<string, Session[]>;
}

/** What the resolver of a subscription gets: for as long as the subscription lives, not for one request. */
export interface SubscriptionContext extends Pick<Caller, 'auth'> {
  /** Revocations as they become known. They go on until the client ends them or its socket is closed. */
  readonly feed: {
    /** Those that reach the caller's own sessions and tokens. */
    mine(): AsyncIterable<LoggedRevocation>;
    all(): AsyncIterable<LoggedRevocation>;
  };
}
