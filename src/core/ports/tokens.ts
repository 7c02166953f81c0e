import type { StoredSigningKey } from '../account';
import type { AccessTokenClaims, VerifiedToken } from '../claims';

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
