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

/** RFC 9068, section 2.1. Keeps other JWTs of the same issuer from passing for access tokens. */
export const TOKEN_TYPE = 'at+jwt';

/** Bytes; a longer one is refused before anything is computed. */
const LONGEST_TOKEN = 8192;

/** Header parameters that would let the token bring, or point at, its own key (RFC 7515, 4.1), or change its meaning. */
const REFUSED_PARAMETERS = ['jku', 'jwk', 'x5u', 'x5c', 'crit', 'zip', 'b64', 'enc'];

/** Tokens whose signature is remembered: enough for those that come again and again. */
const MOST_REMEMBERED = 10_000;

interface Remembered {
  /** All of it: the signature that it was found by may have been put under something else. */
  readonly text: string;
  readonly token: VerifiedToken;
  /** The very key that it was verified with: another one of the same id proves nothing. */
  readonly key: VerifyingKey;
}

export interface VerifierOptions extends ExpectedClaims {
  readonly keys: Pick<KeyRing, 'verifyingKey' | 'held'>;
  readonly clock: Clock;
  /** ms that clocks may differ by */
  readonly clockSkew: number;
}

/**
 * What a token is looked up by: its signature, as that tells tokens apart and hashing all of a token, which has to be done
 * at every request, takes longer than the rest of a check. It proves nothing: whoever finds something by it compares the
 * whole.
 */
const signatureOf = (text: string) => text.slice(text.lastIndexOf('.') + 1);

const freeze = (claims: VerifiedToken['claims']) => {
  if (Array.isArray(claims.aud)) Object.freeze(claims.aud);
  return Object.freeze(claims);
};

const invalid = (fault: string): Verification => ({ ok: false, code: 'TOKEN_INVALID', fault });

/** What a token says of itself, which nothing has proven yet. */
function readUnproven(token: string): { header: JwtHeader; issuedAt: number } | undefined {
  try {
    const decoded = decode(token, { complete: true });
    if (!decoded) return undefined;
    const { iat } = decoded.payload as { iat?: unknown };
    // One that says no time is refused whatever its key: as an old one it costs least.
    return { header: decoded.header, issuedAt: typeof iat === 'number' ? iat : 0 };
  } catch {
    return undefined;
  }
}

function faultOfHeader(header: JwtHeader): string | undefined {
  // The algorithm is ours to say, not the token's: neither `none` nor HMAC keyed with a public key gets further.
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
 * Makes the check of signature first, then claims, with every choice pinned here and none left to the token.
 *
 * A signature is computed once: what held is remembered in memory, by the whole token, as long as its key is. Times are
 * judged at every use.
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
    // Past its time, or its key has gone: there is nothing left to remember.
    if (!verification?.ok) remembered.delete(signature);
    return verification;
  };

  const verifyAnew = async (text: string): Promise<Verification> => {
    if (Buffer.byteLength(text) > LONGEST_TOKEN) return invalid('the token is too long');
    const unproven = readUnproven(text);
    if (!unproven) return invalid('this is no JWT');
    const { header, issuedAt } = unproven;
    const fault = faultOfHeader(header);
    if (fault) return invalid(fault);
    const keyId = header.kid ?? '';
    // Here already, as such a token is newer than every key set.
    if (issuedAt * 1000 > clock.now() + clockSkew) return invalid('iat is in the future');
    const key = await keys.verifyingKey(keyId, issuedAt);
    if (!key) return invalid('kid is not one of our keys');

    let payload: unknown;
    try {
      // Times are judged below, by our own clock and one leeway for all.
      payload = verify(text, key.publicKey, {
        algorithms: ['ES256'],
        ignoreExpiration: true,
        ignoreNotBefore: true,
      });
    } catch {
      return invalid('the signature does not hold');
    }
    if (key.revoked) return { ok: false, code: 'TOKEN_REVOKED' };

    const reading = readClaims(payload, options);
    if (!reading.ok) return invalid(reading.fault);
    // One for all requests that bring it: none of them is to change what the next is told.
    const token = Object.freeze({ claims: freeze(reading.claims), keyId });
    const verification = judgeTimes(token);
    if (verification.ok) remembered.set(signatureOf(text), { text, token, key });
    return verification;
  };

  return (text) => recall(text) ?? verifyAnew(text);
}
