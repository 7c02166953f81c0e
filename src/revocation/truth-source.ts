import type { VerifiedToken } from '../core/claims';
import type { Clock } from '../core/clock';
import { decide, type FoundInTruth } from '../core/decision';
import type { Records } from '../core/ports/records';
import type { Truth, TruthOnUser } from '../core/ports/truth';
import type { LastResort } from './check';

export interface AskTruthSources {
  readonly truth: Pick<Truth, 'onUser'>;
  /** Where what was read is filled in for the next time, if there is a Redis. */
  readonly records?: Pick<Records, 'fill'>;
  readonly clock: Clock;
  /** ms that clocks may differ by */
  readonly clockSkew: number;
}

function fromTruth({ claims, keyId }: VerifiedToken, truth: TruthOnUser): FoundInTruth {
  return {
    from: 'truth',
    tokenVersion: truth.disabled ? undefined : truth.tokenVersion,
    globalVersion: truth.globalVersion,
    denied: truth.deniedTokens.includes(claims.jti) || truth.deniedSessions.includes(claims.sid),
    keyDenied: truth.deniedKeys.includes(keyId),
    asOf: truth.asOf,
  };
}

/** Asks Postgres, and fills the record that was missing. */
export function askTruth({ truth, records, clock, clockSkew }: AskTruthSources): LastResort {
  return {
    step: 'postgres',
    async ask(token, _text, ticket) {
      // The ticket was drawn before this: what is read here may only be filled in if nothing was published since.
      const onUser = await truth.onUser(token.claims.sub);
      // Nobody waits for the fill: the answer is known, and one that fails only means to ask again next time.
      if (records && ticket) records.fill(ticket, token.claims.sub, onUser).catch(() => undefined);
      const decision = decide(token.claims, fromTruth(token, onUser), clock.now(), clockSkew);
      if (decision === 'UNKNOWN') throw new Error('The truth must always decide.');
      return decision;
    },
  };
}
