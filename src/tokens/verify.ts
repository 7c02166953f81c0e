import { decode, type JwtHeader, verify } from 'jsonwebtoken';
import { type ExpectedClaims, isExpired, isNotYetValid, readClaims } from '../core/claims';
import type { Clock } from '../core/clock';
import type { Verification, VerifyToken } from '../core/ports/tokens';
import type { KeyRing } from './key-ring';

/** RFC 9068, section 2.1. Keeps other JWTs of the same issuer from passing for access tokens. */
export const TOKEN_TYPE = 'at+jwt';

/** Bytes; a longer one is refused before anything is computed. */
const LONGEST_TOKEN = 8192;

/** Header parameters that would let the token bring, or point at, its own key (RFC 7515, 4.1), or change its meaning. */
const REFUSED_PARAMETERS = ['jku', 'jwk', 'x5u', 'x5c', 'crit', 'zip', 'b64', 'enc'];

export interface VerifierOptions extends ExpectedClaims {
  readonly keys: Pick<KeyRing, 'verifyingKey'>;
  readonly clock: Clock;
  /** ms that clocks may differ by */
  readonly clockSkew: number;
}

const invalid = (fault: string): Verification => ({ ok: false, code: 'TOKEN_INVALID', fault });

function readHeader(token: string): JwtHeader | undefined {
  try {
    return decode(token, { complete: true })?.header;
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

/** Makes the check of signature first, then claims, with every choice pinned here and none left to the token. */
export function createVerifier(options: VerifierOptions): VerifyToken {
  const { keys, clock, clockSkew } = options;
  return async (token) => {
    if (Buffer.byteLength(token) > LONGEST_TOKEN) return invalid('the token is too long');
    const header = readHeader(token);
    if (!header) return invalid('this is no JWT');
    const fault = faultOfHeader(header);
    if (fault) return invalid(fault);
    const keyId = header.kid ?? '';
    const key = await keys.verifyingKey(keyId);
    if (!key) return invalid('kid is not one of our keys');

    let payload: unknown;
    try {
      // Times are judged below, by our own clock and one leeway for all.
      payload = verify(token, key.publicKey, {
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
    if (isNotYetValid(reading.claims, clock.now(), clockSkew)) return invalid('nbf is in the future');
    const verified = { claims: reading.claims, keyId };
    return isExpired(reading.claims, clock.now(), clockSkew)
      ? { ok: false, code: 'TOKEN_EXPIRED', token: verified }
      : { ok: true, token: verified };
  };
}
