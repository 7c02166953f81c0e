export type Role = 'USER' | 'ADMIN';

/** The claims of an access token (RFC 9068, with the counters of this project). Times are in s since the epoch. */
export interface AccessTokenClaims {
  readonly iss: string;
  readonly sub: string;
  readonly aud: string | readonly string[];
  readonly client_id: string;
  readonly iat: number;
  readonly exp: number;
  readonly nbf?: number;
  /** Names this one token. */
  readonly jti: string;
  /** Names the session, one login on one device. */
  readonly sid: string;
  readonly role: Role;
  /** The user's counter when the token was made. */
  readonly tokenVersion: number;
  /** Everyone's counter when the token was made. */
  readonly globalVersion: number;
}

/** A token whose signature and claims hold. Whether it was revoked is another question. */
export interface VerifiedToken {
  readonly claims: AccessTokenClaims;
  /** The `kid` of the key that signed it. */
  readonly keyId: string;
}

export interface ExpectedClaims {
  readonly issuer: string;
  readonly audience: string;
}

export type ClaimsReading =
  { readonly ok: true; readonly claims: AccessTokenClaims } | { readonly ok: false; readonly fault: string };

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** Whether `value` has the one form that ids have here: a UUID in lower case. */
export function isId(value: unknown): value is string {
  return typeof value === 'string' && UUID.test(value);
}

const isTime = (value: unknown): value is number =>
  typeof value === 'number' && Number.isFinite(value) && value >= 0;

/** The largest version: what a deleted user is raised to, so that no token of theirs is ever good again. */
export const LAST_VERSION = 2_147_483_647;

const isVersion = (value: unknown): value is number =>
  Number.isInteger(value) && (value as number) >= 1 && (value as number) < LAST_VERSION;

/**
 * Reads the payload of a token whose signature has been checked already. Nothing is given a default: a token
 * from before an upgrade has no version claim, and it is refused rather than taken for version 0.
 *
 * @param payload what was signed, as parsed JSON
 * @param expected the one issuer and the one audience that are accepted (RFC 9068, section 4)
 */
export function readClaims(payload: unknown, expected: ExpectedClaims): ClaimsReading {
  const fault = (text: string): ClaimsReading => ({ ok: false, fault: text });
  if (typeof payload !== 'object' || payload === null) return fault('the payload is no object');
  const claims = payload as Record<string, unknown>;

  if (claims.iss !== expected.issuer) return fault('iss is not the expected issuer');
  const audiences = Array.isArray(claims.aud) ? (claims.aud as unknown[]) : [claims.aud];
  if (!audiences.includes(expected.audience)) return fault('aud does not name the expected audience');
  for (const name of ['sub', 'jti', 'sid'] as const) {
    if (!isId(claims[name])) return fault(`${name} is missing or no UUID`);
  }
  if (typeof claims.client_id !== 'string') return fault('client_id is missing');
  if (!isTime(claims.iat)) return fault('iat is missing or no time');
  if (!isTime(claims.exp)) return fault('exp is missing or no time');
  if (claims.nbf !== undefined && !isTime(claims.nbf)) return fault('nbf is no time');
  if (claims.role !== 'USER' && claims.role !== 'ADMIN') return fault('role is missing or unknown');
  for (const name of ['tokenVersion', 'globalVersion'] as const) {
    if (!isVersion(claims[name])) return fault(`${name} is missing or no positive integer`);
  }
  return { ok: true, claims: claims as unknown as AccessTokenClaims };
}

/** ms; the most that any node may be set to allow clocks to differ by. */
export const LARGEST_SKEW = 5 * 60_000;

/**
 * @param now ms since the epoch
 * @param skew ms that clocks may differ by
 */
export function isExpired(claims: Pick<AccessTokenClaims, 'exp'>, now: number, skew: number): boolean {
  return now >= claims.exp * 1000 + skew;
}

/**
 * Whether it was issued later than now. Only a clock that is ahead issues such a token. It is refused, as the log forgets a
 * revocation by the clock of Postgres.
 */
export function isFromFuture(claims: Pick<AccessTokenClaims, 'iat'>, now: number, skew: number): boolean {
  return now < claims.iat * 1000 - skew;
}

/** The same for `nbf` (RFC 7519, section 4.1.5), which this project never writes but honours. */
export function isNotYetValid(claims: Pick<AccessTokenClaims, 'nbf'>, now: number, skew: number): boolean {
  return claims.nbf !== undefined && now < claims.nbf * 1000 - skew;
}
