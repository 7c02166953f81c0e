import type { StoredSigningKey } from '../account';
import type { AccessTokenClaims, VerifiedToken } from '../claims';
import type { Link, LinkPurpose } from '../link';
import type { PresentedRefreshToken } from './sessions';
import type { StoredRefreshKey } from './truth';

export type Verification =
  | { readonly ok: true; readonly token: VerifiedToken }
  /** The signature is valid, but the token has expired. It still names a session, which a logout may end. */
  | { readonly ok: false; readonly code: 'TOKEN_EXPIRED'; readonly token: VerifiedToken }
  /** Signed by a revoked key. None of its claims can be trusted. */
  | { readonly ok: false; readonly code: 'TOKEN_REVOKED' }
  | { readonly ok: false; readonly code: 'TOKEN_INVALID'; readonly fault: string };

/**
 * Checks a token's signature and claims, not whether it is revoked; synchronously for a token that it remembers.
 * Accepts any string, and rejects only with `SERVICE_UNAVAILABLE` when the keys cannot be read.
 */
export type VerifyToken = (token: string) => Verification | Promise<Verification>;

/** Signs an access token with the key of that id. Throws `SERVICE_UNAVAILABLE` when the keys cannot be read. */
export type SignToken = (claims: AccessTokenClaims, keyId: string) => Promise<string>;

/** A public key as a JWK (RFC 7517). */
export interface PublicJwk {
  readonly kid: string;
  readonly kty: string;
  readonly alg: 'ES256';
  readonly use: 'sig';
  readonly [member: string]: unknown;
}

/** The keys that this process knows, kept up to date with the database. */
export interface PublishedKeys {
  /** Reads the keys again now. */
  reload(): Promise<void>;
  /**
   * Returns the keys of valid tokens, retired ones included until their last token has expired, and the hashes of the
   * next names. At most a second old, so that a key dropped by another node is dropped here; while Postgres cannot be
   * reached, the keys that were last read.
   *
   * @param fresh reads them again, sharing one read with concurrent callers
   */
  keySet(fresh?: boolean): Promise<PublishedKeySet>;
}

export interface PublishedKeySet {
  readonly keys: readonly PublicJwk[];
  /** The hashes of the next key names. */
  readonly next: readonly string[];
}

/** Generates a key pair with an encrypted private half. Its id begins with the name. */
export type GenerateSigningKey = (
  name: string,
) => Pick<StoredSigningKey, 'id' | 'algorithm' | 'publicKey' | 'sealedPrivateKey'>;

/**
 * Generates the refresh key after the existing ones, encrypted. Answers `undefined` if the numbers are used up: the last
 * key then stays. Throws `SERVICE_UNAVAILABLE` if this node has another SECRET than the one that encrypted them.
 *
 * @param existing every key, in the order of their numbers
 */
export type GenerateRefreshKey = (existing: readonly StoredRefreshKey[]) => StoredRefreshKey | undefined;

/** What makes the refresh tokens of a session, besides the fleet's key. */
export interface SessionSecrets {
  readonly sessionId: string;
  readonly generation: number;
  readonly salt: Buffer;
}

/** Makes and reads refresh tokens, with keys that all nodes share. */
export interface RefreshTokens {
  /** Makes the token of a session's generation, by the newest key. */
  make(secrets: SessionSecrets): string;
  /** Whether a text has the form of a refresh token. An access token never has it. */
  hasForm(text: string): boolean;
  /**
   * Reads a token. Answers `undefined` for a text that no node has made. Throws `SERVICE_UNAVAILABLE` if its key is not
   * known here and cannot be read.
   */
  read(text: string): Promise<PresentedRefreshToken | undefined>;
  /** Reads the keys again. */
  reload(): Promise<void>;
}

/** Makes and reads the tokens of one-time links, with keys that all nodes share. */
export interface LinkTokens {
  /**
   * Makes a token. The same arguments make the same token, as long as the newest key is the same.
   *
   * @param lifetime s
   */
  make(link: Link, times: { readonly issuedAt: Date; readonly lifetime: number }): string;
  /**
   * Reads a token. Answers `undefined` for a text that no node has made, for one that has expired, and for one of
   * another purpose. Whether it was used or superseded only Postgres knows. Throws `SERVICE_UNAVAILABLE` if its key is
   * not known here and cannot be read.
   */
  read(text: string, purposes: readonly LinkPurpose[]): Promise<Link | undefined>;
}
