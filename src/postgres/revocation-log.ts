import { type EntityManager, IsNull } from 'typeorm';
import type { RevocationLog } from '../core/ports/truth';
import type { LoggedRevocation, Revocation } from '../core/revocation';
import { RevocationEntity } from './entities/revocation.entity';

export interface LogSettings {
  /** Whether entries have to be carried to copies. If not, they are confirmed by being committed. */
  readonly hasCopies: boolean;
  /** ms by which clocks may differ. */
  readonly clockSkew: number;
}

/** How much longer than needed an entry is kept, in ms: a transaction may take a while between its clock and its commit. */
const SLACK = 60_000;

export function toRevocation(row: RevocationEntity): LoggedRevocation {
  const entry = { id: row.id, revokedAt: row.revokedAt.getTime(), expiresAt: row.expiresAt.getTime() };
  // The columns that a kind needs are set by `append`, the only writer.
  const userId = row.userId ?? '';
  switch (row.kind) {
    case 'TOKEN':
      return { ...entry, kind: row.kind, userId, tokenId: row.tokenId ?? '' };
    case 'SESSION':
      return { ...entry, kind: row.kind, userId, sessionId: row.sessionId ?? '' };
    case 'USER':
      return { ...entry, kind: row.kind, userId, tokenVersion: row.tokenVersion ?? 0 };
    case 'EVERYONE':
      return { ...entry, kind: row.kind, globalVersion: row.globalVersion ?? 0 };
    case 'KEY':
      return { ...entry, kind: row.kind, keyId: row.keyId ?? '' };
  }
}

export function revocationLogIn(manager: EntityManager, settings: LogSettings): RevocationLog {
  const revocations = manager.getRepository(RevocationEntity);
  return {
    async append(revocation: Revocation) {
      const columns = {
        userId: null,
        tokenId: null,
        sessionId: null,
        keyId: null,
        tokenVersion: null,
        ...revocation,
      };
      const globalVersion = revocation.kind === 'EVERYONE' ? revocation.globalVersion : null;
      // The clock is read here, after the locks were taken, and by the database: whoever could still issue a token
      // that this revocation refuses has fixed its `iat` before. So the token expires before the entry does.
      const [row] = await manager.query<[{ id: string; revoked_at: Date; expires_at: Date }]>(
        `with clock as materialized (select clock_timestamp() as now)
         insert into revocations
           (kind, user_id, token_id, session_id, key_id, token_version, global_version, revoked_at, expires_at, confirmed_at)
         select $1, $2, $3, $4, $5, $6, $7, clock.now,
           clock.now + fleet.longest_token_ttl * interval '1 second' + $8 * interval '1 millisecond',
           case when $9 then null else clock.now end
         from clock, fleet
         returning id, revoked_at, expires_at`,
        [
          revocation.kind,
          columns.userId,
          columns.tokenId,
          columns.sessionId,
          columns.keyId,
          columns.tokenVersion,
          globalVersion,
          2 * settings.clockSkew + SLACK,
          settings.hasCopies,
        ],
      );
      return {
        ...revocation,
        id: row.id,
        revokedAt: row.revoked_at.getTime(),
        expiresAt: row.expires_at.getTime(),
      };
    },

    async unconfirmedOf(userId) {
      const rows = await revocations.find({
        where: [
          { confirmedAt: IsNull(), userId: IsNull() },
          ...(userId === undefined ? [] : [{ confirmedAt: IsNull(), userId }]),
        ],
        order: { id: 'ASC' },
      });
      return rows.map(toRevocation);
    },

    async unconfirmedIds() {
      const rows = await revocations.find({ select: { id: true }, where: { confirmedAt: IsNull() } });
      return rows.map(({ id }) => id);
    },

    async markConfirmed(ids) {
      await manager.query(
        'update revocations set confirmed_at = now() where id = any($1) and confirmed_at is null',
        [ids],
      );
    },

    async areConfirmed(ids) {
      const rows = await manager.query<unknown[]>(
        'select 1 from revocations where id = any($1) and confirmed_at is null limit 1',
        [ids],
      );
      return rows.length === 0;
    },
  };
}
