import type { Fleet } from './fleet';
import type { Reach, Token } from './ledger';

interface Row {
  readonly kind: 'TOKEN' | 'SESSION' | 'USER' | 'EVERYONE' | 'KEY';
  readonly user_id: string | null;
  readonly token_id: string | null;
  readonly session_id: string | null;
  readonly key_id: string | null;
  readonly token_version: number | null;
  readonly global_version: number | null;
  readonly revoked_at: Date;
}

/** The committed log of revocations in Postgres. */
export interface TruthLog {
  readonly size: number;
  /** The first end of a token, in ms since 1970; undefined if it was not ended. */
  endOf(token: Token): number | undefined;
  /** When the key of a token was revoked, in ms since 1970; undefined if it was not. */
  endOfKey(token: Token): number | undefined;
  /** Whether the revocation of a receipt is in the log. For a session it cannot tell, as other entries may end it. */
  holds(reach: Reach): boolean;
}

export async function readTruthLog(fleet: Fleet): Promise<TruthLog> {
  const rows = await fleet.sql<Row>(
    `select kind, user_id, token_id, session_id, key_id, token_version, global_version, revoked_at from revocations`,
  );
  const bySubject = new Map<string, Row[]>();
  for (const row of rows) {
    const subject = {
      TOKEN: row.token_id,
      SESSION: row.session_id,
      USER: row.user_id,
      EVERYONE: 'everyone',
      KEY: row.key_id,
    }[row.kind];
    const key = `${row.kind} ${subject}`;
    bySubject.set(key, [...(bySubject.get(key) ?? []), row]);
  }
  const of = (kind: Row['kind'], subject: string) => bySubject.get(`${kind} ${subject}`) ?? [];

  const firstOf = (ends: readonly Row[]) =>
    ends.length === 0 ? undefined : Math.min(...ends.map((row) => row.revoked_at.getTime()));

  return {
    size: rows.length,
    endOf(token) {
      return firstOf([
        ...of('TOKEN', token.id),
        ...of('SESSION', token.sessionId),
        ...of('USER', token.userId).filter((row) => (row.token_version ?? 0) > token.tokenVersion),
        ...of('EVERYONE', 'everyone').filter((row) => (row.global_version ?? 0) > token.globalVersion),
        ...of('KEY', token.keyId),
      ]);
    },
    endOfKey: (token) => firstOf(of('KEY', token.keyId)),
    holds(reach) {
      switch (reach.scope) {
        case 'USER':
          return of('USER', reach.userId).some((row) => row.token_version === reach.below);
        case 'EVERYONE':
          return of('EVERYONE', 'everyone').some((row) => (row.global_version ?? 0) > reach.upTo);
        case 'KEYS':
          return [...reach.keyIds].every((id) => of('KEY', id).length > 0);
        case 'SESSION':
          return true;
      }
    },
  };
}
