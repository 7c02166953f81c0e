import type { VerifiedToken } from '../core/claims';
import { type Clock, systemClock } from '../core/clock';

/** The clock that a guard judges by. */
export interface GuardClock {
  readonly clock: Pick<Clock, 'now'>;
  /** ms by which clocks may differ. */
  readonly clockSkew: number;
}

const SYSTEM: GuardClock = { clock: systemClock, clockSkew: 5000 };

/** By token, the clock of its guard. Beside the token, which is data: it is compared, copied and written as JSON. */
const clocks = new WeakMap<VerifiedToken, GuardClock>();

export function noteClock(token: VerifiedToken, clock: GuardClock): void {
  if (!clocks.has(token)) clocks.set(token, clock);
}

/**
 * Returns the ms since the user last proved who they are, less what clocks may differ by. A token that no guard has
 * judged, as in tests, is judged by the system clock.
 */
export function authAgeOf(token: VerifiedToken): number {
  const { clock, clockSkew } = clocks.get(token) ?? SYSTEM;
  return clock.now() - clockSkew - token.claims.auth_time * 1000;
}
