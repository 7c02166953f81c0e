/** Where a request comes from, for the limits and the audit log. */
export interface Origin {
  /** As returned by `parseAddress`. */
  readonly ipAddress: string;
  readonly userAgent?: string | undefined;
  readonly requestId?: string;
}

/** An attempt at a password that is about to be made. */
export interface PasswordAttempt {
  /** The email of the account, which may not exist. */
  readonly account: string;
  /** The caller's session, if they are signed in. */
  readonly sessionId?: string;
  /**
   * Whether the user has signed in from this address recently. Called only when the account's shared attempts are used
   * up.
   */
  readonly isKnownAddress: () => Promise<boolean>;
}

/** Counts attempts. Each method throws `RATE_LIMITED` when the limit is exceeded. */
export interface RateLimits {
  /** Returns a function to call if the password was right: then the attempt does not count towards the hour. */
  passwordAttempt(attempt: PasswordAttempt, origin: Origin): Promise<() => Promise<void>>;
  registration(origin: Origin): Promise<void>;
  /**
   * Counts a mail that somebody causes. The recipient counts as given, so a limit does not tell whether it has an
   * account.
   */
  mail(recipient: string, origin: Origin): Promise<void>;
  /** Counts a mail that an administrator sends. It counts apart, so that strangers cannot use these up. */
  administratorMail(recipient: string, origin: Partial<Origin>): Promise<void>;
  /** Counts a token that is about to be looked up, and may be invalid. */
  tokenLookup(origin: Origin): Promise<void>;
  /** Counts an invalid token. Valid ones are not counted by address, so that neighbours do not use up each other's. */
  badToken(origin: Origin): Promise<void>;
  refresh(sessionId: string, origin: Origin): Promise<void>;
  /** Counts a logout by the session's own token. It has a separate limit, so that other writes cannot block it. */
  logout(sessionId: string, origin: Origin): Promise<void>;
  /** Counts a request of another system to end a user's tokens. */
  userRevocation(userId: string, origin: Origin): Promise<void>;
  /** Counts any other change by a signed-in user. */
  write(sessionId: string, origin: Origin): Promise<void>;
}
