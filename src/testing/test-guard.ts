import { randomUUID } from 'node:crypto';
import { isExpired, type VerifiedToken } from '../core/claims';
import { systemClock } from '../core/clock';
import { type LearnedRevocation, type LoggedRevocation, refuses, type Revocation } from '../core/revocation';
import type { Shape } from '../core/shape';
import type { ServiceGuard } from '../guard/create-guard';
import { assembleGuard, type AuthResult, type Principal } from '../guard/guard';
import { refuseInProduction } from './refuse-in-production';

/** Why a guard refuses a request. */
export type Refusal = Extract<AuthResult, { readonly ok: false }>['code'];

/** What a test tells its guard to say to all requests. */
export type TestAnswer<S extends Shape = Shape> = Principal<S> | Refusal;

/** A guard whose answers a test decides. It does no I/O. */
export interface TestGuard<S extends Shape = Shape> extends ServiceGuard<S> {
  /** Says this to all requests from now on, whatever they send. With nothing, it judges again what they send. */
  answer(answer?: TestAnswer<S>): void;
  /** Returns an `Authorization` header that signs this user in. */
  authorizationOf(principal: Principal<S>): string;
  /**
   * Ends the session of a user, or makes any other revocation. Tokens that it ends are refused with `TOKEN_REVOKED`, and
   * listeners are told, so sockets close.
   */
  revoke(target: Principal<S> | Revocation): void;
}

/** ms for which a guard remembers a revocation. Only its listeners see this. */
const REMEMBERED = 15 * 60_000;

const logged = (revocation: Revocation): LoggedRevocation => ({
  ...revocation,
  id: randomUUID(),
  revokedAt: Date.now(),
  expiresAt: Date.now() + REMEMBERED,
});

/**
 * Makes a guard for tests, to pass wherever one of `createGuard` goes: to `apolloContext`, `expressGuard`, `fastifyGuard`
 * and `graphqlWsGuard`.
 *
 * @param answer what it says to all requests. If left out, requests say who they are with `guard.authorizationOf(…)`, and
 * nobody is signed in without.
 * @example
 * const guard = testGuard(testPrincipal({ role: 'ADMIN' }));
 * guard.answer('TOKEN_REVOKED');
 */
export function testGuard<S extends Shape = Shape>(answer?: TestAnswer<S>): TestGuard<S> {
  refuseInProduction('testGuard');
  let told = answer;
  const tokens = new Map<string, VerifiedToken>();
  const revocations: LoggedRevocation[] = [];
  const listeners = new Set<(revocation: LearnedRevocation, isNew: boolean) => void>();

  const judged = assembleGuard<S>(
    (text) => {
      const token = tokens.get(text);
      if (!token) return { ok: false, code: 'TOKEN_INVALID', fault: 'authorizationOf did not make it' };
      return isExpired(token.claims, Date.now(), 0)
        ? { ok: false, code: 'TOKEN_EXPIRED', token }
        : { ok: true, token };
    },
    (token) => (revocations.some((each) => refuses(each, token)) ? 'REVOKED' : 'GOOD'),
    { clock: systemClock, clockSkew: 0 },
  );

  const authorizationOf = ({ token }: Principal<S>) => {
    const text = `test-${token.claims.jti}`;
    tokens.set(text, token);
    return `Bearer ${text}`;
  };

  return {
    async authenticate(authorization) {
      if (typeof told === 'string') return { ok: false, code: told };
      return judged.authenticate(told ? authorizationOf(told) : authorization);
    },
    answer: (next) => void (told = next),
    authorizationOf,
    revoke(target) {
      const { sessionId } = target as Principal<S>;
      const revocation = logged(
        'kind' in target ? target : { kind: 'SESSION', userId: target.userId, sessionId },
      );
      revocations.push(revocation);
      for (const listener of [...listeners]) listener(revocation, true);
    },
    status: () => ({ view: 'current', node: 'off', redis: 'off', viewSize: revocations.length, keys: 1 }),
    onRevocation(listener) {
      // A function for each subscription: the same listener may subscribe twice.
      const tell: typeof listener = (...told) => listener(...told);
      listeners.add(tell);
      return () => void listeners.delete(tell);
    },
    close: () => Promise.resolve(),
  };
}
