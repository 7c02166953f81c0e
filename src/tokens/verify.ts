import { decode, type JwtHeader, verify } from 'jsonwebtoken';
import { LRUCache } from 'lru-cache';
import {
  type ExpectedClaims,
  isExpired,
  isFromFuture,
  isNotYetValid,
  readClaims,
  type VerifiedToken,
} from '../core/claims';
import type { Clock } from '../core/clock';
import type { Verification, VerifyToken } from '../core/ports/tokens';
import type { KeyRing, VerifyingKey } from './key-ring';

/** The `typ` of access tokens (RFC 9068, section 2.1). Other JWTs of the issuer must not pass for them. */
export const TOKEN_TYPE = 'at+jwt';

/** Bytes. Longer tokens are refused before any work. */
const LONGEST_TOKEN = 8192;

/** Header parameters that bring or point to a key (RFC 7515, section 4.1), or change the token's meaning. */
const REFUSED_PARAMETERS = ['jku', 'jwk', 'x5u', 'x5c', 'crit', 'zip', 'b64', 'enc'];

/** The most tokens whose signature check is cached. */
const MOST_REMEMBERED = 10_000;

interface Remembered {
  /** The whole token: another text may carry the signature that is the cache key. */
  readonly text: string;
  readonly token: VerifiedToken;
  /** The key object it was verified with: another key of the same id proves nothing. */
  readonly key: VerifyingKey;
}

export interface VerifierOptions extends ExpectedClaims {
  readonly keys: Pick<KeyRing, 'verifyingKey' | 'held'>;
  readonly clock: Clock;
  /** ms by which clocks may differ. */
  readonly clockSkew: number;
}

/**
 * The cache key of a token. Hashing the whole token on every request would take longer than the rest of a check. The
 * signature proves nothing here: a hit must compare the whole text.
 */
const signatureOf = (text: string) => text.slice(text.lastIndexOf('.') + 1);

/** Freezes parsed JSON with all that is in it. */
function freeze<T extends object>(json: T): Readonly<T> {
  for (const value of Object.values(json) as unknown[])
    if (typeof value === 'object' && value !== null) freeze(value);
  return Object.freeze(json);
}

const invalid = (fault: string): Verification => ({ ok: false, code: 'TOKEN_INVALID', fault });

/** Reads the header and `iat` of a token, not yet verified. */
function readUnproven(token: string): { header: JwtHeader; issuedAt: number } | undefined {
  try {
    const decoded = decode(token, { complete: true });
    if (!decoded) return undefined;
    const { iat } = decoded.payload as { iat?: unknown };
    // A token without iat is refused later. As an old one, it causes no read of the keys.
    return { header: decoded.header, issuedAt: typeof iat === 'number' ? iat : 0 };
  } catch {
    return undefined;
  }
}

function faultOfHeader(header: JwtHeader): string | undefined {
  // Pinned, not taken from the token: refuses `none`, and HMAC with the public key as secret (RFC 8725, section 3.1).
  if (header.alg !== 'ES256') return 'alg is not ES256';
  if (
    typeof header.typ !== 'string' ||
    header.typ.toLowerCase().replace(/^application\//, '') !== TOKEN_TYPE
  ) {
    return `typ is not ${TOKEN_TYPE}`;
  }
  const refused = REFUSED_PARAMETERS.find((name) => name in header);
  if (refused) return `the header has ${refused}`;
  if (typeof header.kid !== 'string' || header.kid.length === 0 || header.kid.length > 128)
    return 'kid is missing';
  return undefined;
}

/**
 * Creates the check of signature and claims. The token has no say in how it is verified (RFC 8725).
 *
 * A valid signature is cached in memory for as long as its key is held. Times are checked at every use.
 */
export function createVerifier(options: VerifierOptions): VerifyToken {
  const { keys, clock, clockSkew } = options;
  const remembered = new LRUCache<string, Remembered>({ max: MOST_REMEMBERED });

  const judgeTimes = (token: VerifiedToken): Verification => {
    const now = clock.now();
    if (isNotYetValid(token.claims, now, clockSkew)) return invalid('nbf is in the future');
    if (isFromFuture(token.claims, now, clockSkew)) return invalid('iat is in the future');
    return isExpired(token.claims, now, clockSkew)
      ? { ok: false, code: 'TOKEN_EXPIRED', token }
      : { ok: true, token };
  };

  const recall = (text: string): Verification | undefined => {
    const signature = signatureOf(text);
    const known = remembered.get(signature);
    if (known?.text !== text) return undefined;
    const verification = keys.held(known.token.keyId) === known.key ? judgeTimes(known.token) : undefined;
    // Expired, or its key is gone.
    if (!verification?.ok) remembered.delete(signature);
    return verification;
  };

  const verifyAnew = async (text: string): Promise<Verification> => {
    if (Buffer.byteLength(text) > LONGEST_TOKEN) return invalid('the token is too long');
    const unproven = readUnproven(text);
    if (!unproven) return invalid('not a JWT');
    const { header, issuedAt } = unproven;
    const fault = faultOfHeader(header);
    if (fault) return invalid(fault);
    const keyId = header.kid ?? '';
    // Checked before the key: such a token is newer than every key set, and would cause a read.
    if (issuedAt * 1000 > clock.now() + clockSkew) return invalid('iat is in the future');
    const key = await keys.verifyingKey(keyId, issuedAt);
    if (!key) return invalid('kid is not one of our keys');

    let payload: unknown;
    try {
      // Times are checked below, by the injected clock.
      payload = verify(text, key.publicKey, {
        algorithms: ['ES256'],
        ignoreExpiration: true,
        ignoreNotBefore: true,
      });
    } catch {
      return invalid('the signature is invalid');
    }
    if (key.revoked) return { ok: false, code: 'TOKEN_REVOKED' };

    const reading = readClaims(payload, options);
    if (!reading.ok) return invalid(reading.fault);
    // Frozen: all requests with this token share the object.
    const token = Object.freeze({ claims: freeze(reading.claims), keyId });
    const verification = judgeTimes(token);
    if (verification.ok) remembered.set(signatureOf(text), { text, token, key });
    return verification;
  };

  return (text) => recall(text) ?? verifyAnew(text);
}
