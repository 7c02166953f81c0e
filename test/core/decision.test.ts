import type { AccessTokenClaims } from '../../src/core/claims';
import {
  decide,
  type Decision,
  type FoundInCopy,
  type FoundInStaleView,
  type FoundInTruth,
  type FoundInView,
  type Known,
} from '../../src/core/decision';

const NOW = 1_800_000_000_000;
const SKEW = 5000;

const claimsWith = (claims: Partial<AccessTokenClaims>) =>
  ({ exp: NOW / 1000 + 60, tokenVersion: 3, globalVersion: 2, ...claims }) as AccessTokenClaims;

type Found = FoundInCopy | FoundInView | FoundInStaleView | FoundInTruth;

const copy = (known: Partial<Found> = {}): Known => ({
  from: 'copy',
  tokenVersion: 3,
  globalVersion: 2,
  denied: false,
  keyDenied: false,
  asOf: 0,
  ...known,
});
const truth = (known: Partial<Found> = {}): Known => ({ ...copy(known), from: 'truth' }) as Found;
const stale = (known: Partial<Found> = {}): Known => ({ ...copy(known), from: 'stale view' }) as Found;

test.each<[string, Partial<AccessTokenClaims>, Known, Decision]>([
  // The claims against a view that is not current: it only refuses.
  ['the token is older than a stale view', {}, stale({ tokenVersion: 4 }), 'REVOKED'],
  ['everyone was logged out, says a stale view', {}, stale({ globalVersion: 3 }), 'REVOKED'],
  ['a stale view denies the token', {}, stale({ denied: true }), 'REVOKED'],
  ['a stale view denies the key', {}, stale({ keyDenied: true }), 'DISTRUSTED'],
  ['a stale view with the same versions cannot tell', {}, stale(), 'UNKNOWN'],
  ['a stale view does not name the user', {}, stale({ tokenVersion: 0, globalVersion: 0 }), 'UNKNOWN'],
  [
    'a stale view does not tell of an expired token',
    { exp: NOW / 1000 - 6 },
    stale({ denied: true }),
    'UNKNOWN',
  ],
  // The answer of an auth server.
  ['the auth server calls it active', {}, { from: 'introspection', active: true }, 'GOOD'],
  [
    'it expired while the auth server was asked',
    { exp: NOW / 1000 - 6 },
    { from: 'introspection', active: true },
    'EXPIRED',
  ],
  [
    'the auth server calls it not active',
    { exp: NOW / 1000 - 6 },
    { from: 'introspection', active: false },
    'REVOKED',
  ],
  // The claims against a copy.
  ['both versions are those of the copy', {}, copy(), 'GOOD'],
  ['the token is older than the copy', {}, copy({ tokenVersion: 4 }), 'REVOKED'],
  ['the token is newer than the copy: the copy is behind', {}, copy({ tokenVersion: 2 }), 'UNKNOWN'],
  ['the global version is older', {}, copy({ globalVersion: 3 }), 'REVOKED'],
  ['the global version is newer', {}, copy({ globalVersion: 1 }), 'UNKNOWN'],
  [
    'one version is older and one newer: older decides',
    {},
    copy({ tokenVersion: 2, globalVersion: 3 }),
    'REVOKED',
  ],
  ['the other way round', {}, copy({ tokenVersion: 4, globalVersion: 1 }), 'REVOKED'],
  ['an id is denied', {}, copy({ denied: true }), 'REVOKED'],
  ['an id is denied and the copy is behind', {}, copy({ denied: true, tokenVersion: 2 }), 'REVOKED'],
  // The claims against the truth.
  ['both versions are true', {}, truth(), 'GOOD'],
  ['the token is older than the truth', {}, truth({ tokenVersion: 4 }), 'REVOKED'],
  [
    'the token is newer than the truth, as after a restored backup',
    {},
    truth({ tokenVersion: 2 }),
    'REVOKED',
  ],
  ['the global version is newer than the truth', {}, truth({ globalVersion: 1 }), 'REVOKED'],
  ['the truth knows no such user', {}, truth({ tokenVersion: undefined }), 'REVOKED'],
  ['an id is denied by the truth', {}, truth({ denied: true }), 'REVOKED'],
  ['the key is denied', {}, copy({ keyDenied: true }), 'DISTRUSTED'],
  [
    'the key is denied by the truth, and the rest as well',
    {},
    truth({ keyDenied: true, denied: true }),
    'DISTRUSTED',
  ],
  ['the key is denied, and the token expired', { exp: 0 }, copy({ keyDenied: true }), 'DISTRUSTED'],
  // The claims against the clock.
  ['it expired by less than the skew', { exp: (NOW - SKEW + 1) / 1000 }, copy(), 'GOOD'],
  ['it expired by the skew', { exp: (NOW - SKEW) / 1000 }, copy(), 'EXPIRED'],
  // Claims from a clock that was ahead: their revocation may be forgotten.
  ['what had expired may be missing from the copy', {}, copy({ asOf: NOW + 70_000 }), 'UNKNOWN'],
  ['the same of the view', {}, { ...copy({ asOf: NOW + 70_000 }), from: 'view' } as Known, 'UNKNOWN'],
  ['it is named all the same', {}, copy({ asOf: NOW + 70_000, denied: true }), 'REVOKED'],
  ['it has expired by the clock of the truth', {}, truth({ asOf: NOW + 70_000 }), 'EXPIRED'],
  ['it expired and is revoked as well', { exp: 0 }, truth({ denied: true }), 'EXPIRED'],
])('%s', (_case, claims, known, decision) => {
  expect(decide(claimsWith(claims), known, NOW, SKEW)).toBe(decision);
});
