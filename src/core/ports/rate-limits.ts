/** Counts attempts, and throws `RATE_LIMITED` for one too many. */
export interface RateLimits {
  /** A password is about to be tried for an account, from an address. */
  passwordAttempt(account: string, address: string): Promise<void>;
  registration(address: string): Promise<void>;
  refresh(address: string): Promise<void>;
}
