import type { VerifiedToken } from '../../src/core/claims';
import type { Requirement } from '../../src/core/shape';
import { requireUser } from '../../src/guard/apollo';
import { assembleGuard } from '../../src/guard/guard';
import { newToken } from '../support/fake-guard';

const SIGNED_IN = 1_790_000_000;

/** A guard whose clock shows this many s after the sign-in. */
function after(seconds: number, clockSkew: number) {
  const { keyId, ...claims } = newToken({ auth_time: SIGNED_IN, role: 'EDITOR' });
  const token: VerifiedToken = { claims, keyId };
  const clock = { now: () => (SIGNED_IN + seconds) * 1000 };
  return assembleGuard<{ role: 'EDITOR' }>(
    () => ({ ok: true, token }),
    () => 'GOOD',
    { clock, clockSkew },
  );
}

const codeFor = async (seconds: number, clockSkew: number, requirement: Requirement<{ role: 'EDITOR' }>) => {
  const auth = await after(seconds, clockSkew).authenticate('Bearer token');
  try {
    requireUser({ auth }, requirement);
    return 'OK';
  } catch (error) {
    return (error as { extensions: { code: string } }).extensions.code;
  }
};

test.each<[seconds: number, skew: number, code: string]>([
  [300, 0, 'OK'],
  [301, 0, 'INSUFFICIENT_USER_AUTHENTICATION'],
  [305, 5000, 'OK'],
  [306, 5000, 'INSUFFICIENT_USER_AUTHENTICATION'],
  // A clock that is behind.
  [-60, 5000, 'OK'],
])(
  '%d s after the sign-in, with a skew of %d ms, 300 s are judged by the clock of the guard: %s',
  async (seconds, skew, code) => {
    expect(await codeFor(seconds, skew, { maxAge: 300 })).toBe(code);
  },
);

test('who lacks the role is not asked for the password', async () => {
  expect(await codeFor(900, 0, { role: 'ADMIN', maxAge: 300 })).toBe('FORBIDDEN');
  expect(await codeFor(900, 0, { role: 'EDITOR', maxAge: 300 })).toBe('INSUFFICIENT_USER_AUTHENTICATION');
  expect(await codeFor(100, 0, { role: 'EDITOR', maxAge: 300 })).toBe('OK');
});
