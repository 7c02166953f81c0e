import type { VerifiedToken } from '../core/claims';
import type { Clock } from '../core/clock';
import { decide, type FoundInTruth } from '../core/decision';
import type { Records } from '../core/ports/records';
import type { Truth, TruthOnUser } from '../core/ports/truth';
import type { LastResort } from './check';

export interface AskTruthSources {
  readonly truth: Pick<Truth, 'onUser'>;
  /** Where the missing record is filled, if there is a Redis. */
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

/** Asks Postgres, and fills the missing record. */
export function askTruth({ truth, records, clock, clockSkew }: AskTruthSources): LastResort {
  return {
    step: 'postgres',
    async ask(token, _text, ticket) {
      // Read after the ticket was drawn. A publication in between voids the ticket, so nothing old is filled in.
      const onUser = await truth.onUser(token.claims.sub);
      // Not awaited: the answer is known. If the fill fails, the next check asks Postgres again.
      if (records && ticket) records.fill(ticket, token.claims.sub, onUser).catch(() => undefined);
      const decision = decide(token.claims, fromTruth(token, onUser), clock.now(), clockSkew);
      if (decision === 'UNKNOWN') throw new Error('Postgres must always decide.');
      return decision;
    },
  };
}
