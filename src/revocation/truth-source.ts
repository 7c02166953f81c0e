import type { VerifiedToken } from '../core/claims';
import type { FoundInTruth } from '../core/decision';
import type { Records } from '../core/ports/records';
import type { Source } from '../core/ports/source';
import type { Truth, TruthOnUser } from '../core/ports/truth';

export interface TruthSourceOptions {
  readonly truth: Pick<Truth, 'onUser'>;
  /** Where the missing record is filled, if there is a Redis. */
  readonly records?: Pick<Records, 'fill'>;
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
export function createTruthSource({ truth, records }: TruthSourceOptions): Source {
  return {
    step: 'postgres',
    async find({ token, ticket }) {
      // Read after the ticket was drawn. A publication in between voids the ticket, so nothing old is filled in.
      const onUser = await truth.onUser(token.claims.sub);
      // Not awaited: the answer is known. If the fill fails, the next check asks Postgres again.
      if (records && ticket) records.fill(ticket, token.claims.sub, onUser).catch(() => undefined);
      return fromTruth(token, onUser);
    },
  };
}
