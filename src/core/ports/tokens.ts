import type { StoredSigningKey } from '../account';
import type { AccessTokenClaims, VerifiedToken } from '../claims';

export type Verification =
  | { readonly ok: true; readonly token: VerifiedToken }
  /** Rightly signed, but past its `exp`: still good to name the session that is to be ended. */
  | { readonly ok: false; readonly code: 'TOKEN_EXPIRED'; readonly token: VerifiedToken }
  /** Rightly signed, but by a key that was revoked: nothing that it says can be trusted. */
  | { readonly ok: false; readonly code: 'TOKEN_REVOKED' }
  | { readonly ok: false; readonly code: 'TOKEN_INVALID'; readonly fault: string };

/**
 * Checks a token's signature and claims, not whether it was revoked: at once for one that it remembers. Answers for every
 * string and rejects only with `SERVICE_UNAVAILABLE`, when the keys can't be had.
 */
export type VerifyToken = (token: string) => Verification | Promise<Verification>;

/** Signs an access token with the key of that id; throws `SERVICE_UNAVAILABLE` when the keys can't be had. */
export type SignToken = (claims: AccessTokenClaims, keyId: string) => Promise<string>;

/** A public key as RFC 7517 writes it. */
export interface PublicJwk {
  readonly kid: string;
  readonly kty: string;
  readonly alg: 'ES256';
  readonly use: 'sig';
  readonly [member: string]: unknown;
}

/** The keys that this process knows, kept up with the database. */
export interface PublishedKeys {
  /** Reads the keys again, now. */
  reload(): Promise<void>;
  /**
   * The keys that good tokens may bear, retired ones included until their last token has expired. Not older than a second,
   * so that what another node has dropped is dropped here; while the database is away, as they were last.
   */
  publicKeys(): Promise<readonly PublicJwk[]>;
  /**
   * The same keys, with what services need to know of the keys to come.
   *
   * @param fresh reads them again in any case, sharing a reading with others that ask
   */
  keySet(fresh?: boolean): Promise<PublishedKeySet>;
}

export interface PublishedKeySet {
  readonly keys: readonly PublicJwk[];
  /** The hashes of the next names of keys. */
  readonly next: readonly string[];
}

/** Makes a new key pair, its private half sealed. Its id begins with the name. */
export type GenerateSigningKey = (
  name: string,
) => Pick<StoredSigningKey, 'id' | 'algorithm' | 'publicKey' | 'sealedPrivateKey'>;
