import { faultOfClaims } from './own-claims';
import { isRole } from './shape';

/** The claims of an access token (RFC 9068, and this project's versions). Times are in s since the epoch. */
export interface AccessTokenClaims {
  readonly iss: string;
  readonly sub: string;
  readonly aud: string | readonly string[];
  readonly client_id: string;
  readonly iat: number;
  readonly exp: number;
  readonly nbf?: number;
  /** The id of this token. */
  readonly jti: string;
  /** The id of the session: one login on one device. */
  readonly sid: string;
  /** `USER`, `ADMIN`, or a role of the application. */
  readonly role: string;
  /** The user's version when the token was issued. */
  readonly tokenVersion: number;
  /** The global version when the token was issued. */
  readonly globalVersion: number;
  /** When the user last proved who they are in this session: by the password, or by a link (OpenID Connect Core 1.0). */
  readonly auth_time: number;
  /** The application's own claims. */
  readonly claims?: Readonly<Record<string, unknown>>;
}

/** A token whose signature and claims are valid. It may still be revoked. */
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

/** Whether `value` is a UUID in lower case, the only form of an id here. */
export function isId(value: unknown): value is string {
  return typeof value === 'string' && UUID.test(value);
}

const isTime = (value: unknown): value is number =>
  typeof value === 'number' && Number.isFinite(value) && value >= 0;

/** The largest version. A deleted user is raised to it, so none of their tokens is accepted again. */
export const LAST_VERSION = 2_147_483_647;

const isVersion = (value: unknown): value is number =>
  Number.isInteger(value) && (value as number) >= 1 && (value as number) < LAST_VERSION;

/**
 * Reads the payload of a token whose signature is valid. No claim has a default: a token from before an upgrade has
 * no version claim, and must be refused rather than read as version 0.
 *
 * @param payload the signed payload, as parsed JSON
 * @param expected the one issuer and the one audience that are accepted (RFC 9068, section 4)
 */
export function readClaims(payload: unknown, expected: ExpectedClaims): ClaimsReading {
  const fault = (text: string): ClaimsReading => ({ ok: false, fault: text });
  if (typeof payload !== 'object' || payload === null) return fault('the payload is not an object');
  const claims = payload as Record<string, unknown>;

  if (claims.iss !== expected.issuer) return fault('iss is not the expected issuer');
  const audiences = Array.isArray(claims.aud) ? (claims.aud as unknown[]) : [claims.aud];
  if (!audiences.includes(expected.audience)) return fault('aud does not name the expected audience');
  for (const name of ['sub', 'jti', 'sid'] as const) {
    if (!isId(claims[name])) return fault(`${name} is missing or not a UUID`);
  }
  if (typeof claims.client_id !== 'string') return fault('client_id is missing');
  if (!isTime(claims.iat)) return fault('iat is missing or not a time');
  if (!isTime(claims.exp)) return fault('exp is missing or not a time');
  if (claims.nbf !== undefined && !isTime(claims.nbf)) return fault('nbf is not a time');
  if (!isTime(claims.auth_time)) return fault('auth_time is missing or not a time');
  if (!isRole(claims.role)) return fault('role is missing or not a role');
  for (const name of ['tokenVersion', 'globalVersion'] as const) {
    if (!isVersion(claims[name])) return fault(`${name} is missing or not a positive integer`);
  }
  const faultOfOwn = claims.claims === undefined ? undefined : faultOfClaims(claims.claims);
  if (faultOfOwn !== undefined) return fault(faultOfOwn);
  return { ok: true, claims: claims as unknown as AccessTokenClaims };
}

/** ms; the largest CLOCK_SKEW that can be set. */
export const LARGEST_SKEW = 5 * 60_000;

/**
 * @param now ms since the epoch
 * @param skew ms that clocks may differ by
 */
export function isExpired(claims: Pick<AccessTokenClaims, 'exp'>, now: number, skew: number): boolean {
  return now >= claims.exp * 1000 + skew;
}

/**
 * Whether the token was issued in the future, which only a clock that is ahead can do. Such a token is refused, because
 * the log forgets a revocation by the clock of Postgres.
 */
export function isFromFuture(claims: Pick<AccessTokenClaims, 'iat'>, now: number, skew: number): boolean {
  return now < claims.iat * 1000 - skew;
}

/** The same for `nbf` (RFC 7519, section 4.1.5), which this project never writes. */
export function isNotYetValid(claims: Pick<AccessTokenClaims, 'nbf'>, now: number, skew: number): boolean {
  return claims.nbf !== undefined && now < claims.nbf * 1000 - skew;
}
