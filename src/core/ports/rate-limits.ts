/** Where a request comes from: what counts, and what the audit log says of it. */
export interface Origin {
  /** As `parseAddress` answers it. */
  readonly ipAddress: string;
  readonly userAgent?: string | undefined;
  readonly requestId?: string;
}

/** A try of a password, about to be made. */
export interface PasswordAttempt {
  /** The email of the account, whether or not there is one. */
  readonly account: string;
  /** The session that the caller has signed in with, if they have. */
  readonly sessionId?: string;
  /** Whether the user has signed in from this network lately. Asked only when everyone else's attempts are spent. */
  readonly isKnownNetwork: () => Promise<boolean>;
}

/** Counts attempts. Each method throws `RATE_LIMITED` for one too many. */
export interface RateLimits {
  /** Answers a function to call when the password was right: then the attempt no longer counts towards the hour. */
  passwordAttempt(attempt: PasswordAttempt, origin: Origin): Promise<() => Promise<void>>;
  registration(origin: Origin): Promise<void>;
  /** A token is about to be looked up, which may turn out to be bad. */
  tokenLookup(origin: Origin): Promise<void>;
  /** The token was not one of ours. Good ones are not counted by address, so neighbours do not spend each other's. */
  badToken(origin: Origin): Promise<void>;
  refresh(sessionId: string, origin: Origin): Promise<void>;
  /** A session is about to be ended by its own token. Counted apart, so that no other write can get in its way. */
  logout(sessionId: string, origin: Origin): Promise<void>;
  /** Any other change by a user who has signed in. */
  write(sessionId: string, origin: Origin): Promise<void>;
}
