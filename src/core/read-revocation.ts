import { LARGEST_SKEW, LAST_VERSION } from './claims';
import type { LoggedRevocation } from './revocation';

/** ms; no revocation is kept longer: the longest token lifetime that can be set, twice the skew, and some minutes. */
export const LONGEST_KEPT = 24 * 3_600_000 + 2 * LARGEST_SKEW + 5 * 60_000;

const LONGEST_TEXT = 1000;

const isTime = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

const isVersion = (value: unknown, most: number) =>
  Number.isInteger(value) && (value as number) >= 1 && (value as number) <= most;

/** Whether this may be the id of a user, a token, a session or a key. */
export const isRevokedId = (value: unknown): value is string =>
  typeof value === 'string' && value.length >= 1 && value.length <= 128;

function isWhole(entry: Record<string, unknown>): boolean {
  switch (entry.kind) {
    case 'TOKEN':
      return isRevokedId(entry.userId) && isRevokedId(entry.tokenId);
    case 'SESSION':
      return isRevokedId(entry.userId) && isRevokedId(entry.sessionId);
    case 'USER':
      return isRevokedId(entry.userId) && isVersion(entry.tokenVersion, LAST_VERSION);
    case 'EVERYONE':
      // The last version means that one user was deleted. For everyone it would refuse every possible token.
      return isVersion(entry.globalVersion, LAST_VERSION - 1);
    case 'KEY':
      return isRevokedId(entry.keyId);
    default:
      return false;
  }
}

/** Whether this is a revocation in a form that a node can have written. */
export function isLoggedRevocation(value: unknown): value is LoggedRevocation {
  if (typeof value !== 'object' || value === null) return false;
  const entry = value as Record<string, unknown>;
  const { id, revokedAt, expiresAt } = entry;
  if (typeof id !== 'string' || !isTime(revokedAt) || !isTime(expiresAt)) return false;
  return expiresAt >= revokedAt && expiresAt - revokedAt <= LONGEST_KEPT && isWhole(entry);
}

/**
 * Reads a revocation that does not come from Postgres. Returns `undefined` if no node can have written it.
 *
 * @param now ms since the epoch
 */
export function readRevocation(text: string, now: number): LoggedRevocation | undefined {
  if (text.length > LONGEST_TEXT) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isLoggedRevocation(value) || value.expiresAt - now > LONGEST_KEPT + LARGEST_SKEW) return undefined;
  return value;
}
