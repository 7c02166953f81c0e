import type { AuthResult } from '../guard/guard';

/** Where a request comes from, as far as can be told. */
export interface Client {
  readonly ipAddress: string;
  readonly userAgent: string | undefined;
}

/** A request that may or may not be signed in. */
export interface Caller {
  readonly auth: AuthResult;
  readonly client: Client;
  /** The refresh token that came in a cookie, from a page that may use it. */
  readonly refreshCookie: string | undefined;
}
