import type DataLoader from 'dataloader';
import type { Caller } from '../actions/client';
import type { Session, User } from '../core/account';
import type { SessionsOfUser } from '../core/ports/truth';
import type { AuthResult } from '../guard/guard';
import type { Receipt } from '../core/receipt';
import type { LoggedRevocation } from '../core/revocation';

/** What every resolver gets. Made anew for each request. */
export interface Context extends Omit<Caller, 'auth'> {
  /** Who is calling. Judged again before each mutation after the first: the one before may have ended the token. */
  auth: AuthResult;
  /** Judges the caller's token as of now. */
  authenticate(): Promise<AuthResult>;
  /** ms by `performance.now()`: nothing is begun after this, and no query is waited for. */
  readonly deadline: number;
  /** Gives the client its refresh token in a cookie. */
  setRefreshCookie(refreshToken: string, expiresAt: Date): void;
  /** Takes the cookie away, where there is one. */
  clearRefreshCookie(): void;
  /** What this request has ended, for the answer's extensions. */
  readonly receipts: Receipt[];
  /** Accounts by id, asked for together: in one statement, however often a document names them. */
  readonly users: DataLoader<string, User | undefined>;
  /** The live sessions by user, asked for together. Nothing is kept: a mutation may change them. */
  readonly sessions: DataLoader<SessionsOfUser, readonly Session[]>;
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
