import type { PublicUser, Session } from '../account';

/** The user and the session that an access token is signed for. */
export interface TokenHolder {
  readonly user: PublicUser;
  readonly session: Session;
}

/** The application's callback: returns the claims that it adds to an access token. */
export type ClaimsCallback<Claims extends object = object> = (
  holder: TokenHolder,
) => Claims | Promise<Claims>;

/** What the application puts into tokens, and how long it may take. */
export interface TokenCallbacks {
  readonly claims?: ClaimsCallback;
  /** ms; 5000 if left out. */
  readonly hookTimeout?: number;
}

/** Reads the application's claims of a new token. Throws `SERVICE_UNAVAILABLE`: then no token is signed. */
export type ReadOwnClaims = (holder: TokenHolder) => Promise<Readonly<Record<string, unknown>>>;
