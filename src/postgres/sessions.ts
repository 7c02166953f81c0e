import { type EntityManager, IsNull, Not } from 'typeorm';
import type { Session } from '../core/account';
import { isId } from '../core/claims';
import type { Sessions } from '../core/ports/truth';
import { SessionEntity } from './entities/session.entity';
import { run, withTables } from './tables';

const toSession = (row: SessionEntity): Session => ({
  id: row.id,
  userId: row.userId,
  globalVersion: row.globalVersion,
  usesCookie: row.usesCookie,
  userAgent: row.userAgent ?? undefined,
  ipAddress: row.ipAddress ?? undefined,
  createdAt: row.createdAt,
  lastUsedAt: row.lastUsedAt,
  expiresAt: row.expiresAt,
  idleExpiresAt: row.idleExpiresAt,
  endedAt: row.endedAt ?? undefined,
});

// Written out, like all that a revocation runs: the library would take longer to find the words than Postgres to answer.
const LOCK = `select id, user_id as "userId", global_version as "globalVersion", uses_cookie as "usesCookie",
  user_agent as "userAgent", ip_address as "ipAddress", created_at as "createdAt", last_used_at as "lastUsedAt",
  idle_expires_at as "idleExpiresAt", expires_at as "expiresAt", ended_at as "endedAt"
  from {sessions} where id = $1 for update`;

// The first part is run before the second looks for its row, as that asks whether there is a user at all: user before
// session. Whoever ends the session at the same time is waited for in the second part, and seen.
const END_OWN = `
  with owner as materialized (select id from {users} where id = $1 for share),
    own as materialized (
      select id, ended_at from {sessions}
      where exists (select from owner) and id = $2 and user_id = $1 for update
    ),
    ended as (
      update {sessions} set ended_at = now() where id in (select id from own where ended_at is null) returning id
    )
  select exists (select from own) as found, exists (select from ended) as ended`;

/** In SQL what `isLive` of core/account.ts says. */
const LIVE = `s.ended_at is null and s.idle_expires_at > now() and s.expires_at > now()
  and s.global_version = (select global_version from {fleet})`;

export function sessionsIn(manager: EntityManager): Sessions {
  const sessions = manager.getRepository(SessionEntity);
  return {
    async find(id) {
      const row = isId(id) ? await sessions.findOneBy({ id }) : null;
      return row ? toSession(row) : undefined;
    },

    async lock(id) {
      if (!isId(id)) return undefined;
      const [row] = await run<SessionEntity[]>(manager, LOCK, [id]);
      return row && toSession(row);
    },

    async insert(session) {
      const row: Omit<SessionEntity, 'user'> = {
        ...session,
        userAgent: session.userAgent ?? null,
        ipAddress: session.ipAddress ?? null,
        lastUsedAt: session.createdAt,
        endedAt: null,
      };
      await sessions.insert(row);
      return toSession(row);
    },

    async touch(id, { lastUsedAt, idleExpiresAt, userAgent, ipAddress }) {
      await sessions.update(
        { id },
        { lastUsedAt, idleExpiresAt, userAgent: userAgent ?? null, ipAddress: ipAddress ?? null },
      );
    },

    async endOwn(userId, id) {
      if (!isId(userId) || !isId(id)) return undefined;
      const [{ found, ended }] = await run<[{ found: boolean; ended: boolean }]>(manager, END_OWN, [
        userId,
        id,
      ]);
      if (!found) return undefined;
      return ended ? 'NOW' : 'BEFORE';
    },

    async endAllOf(userId, exceptSessionId) {
      // The live ones are counted, but all are ended: one that merely slept must not be woken by a clock set back.
      const [{ count }] = await run<[{ count: number }]>(
        manager,
        `select count(*)::int as count from {sessions} s
         where s.user_id = $1 and s.id is distinct from $2 and ${LIVE}`,
        [userId, exceptSessionId ?? null],
      );
      await sessions.update(
        { userId, endedAt: IsNull(), ...(exceptSessionId !== undefined && { id: Not(exceptSessionId) }) },
        { endedAt: () => 'now()' },
      );
      return count;
    },

    async liveOf(userIds) {
      if (userIds.length === 0) return [];
      const rows = await sessions
        .createQueryBuilder('s')
        .where('s.user_id in (:...userIds)', { userIds })
        .andWhere(withTables(manager.dataSource, LIVE))
        .orderBy('s.lastUsedAt', 'DESC')
        .addOrderBy('s.id')
        .getMany();
      return rows.map(toSession);
    },

    async countLive() {
      const [{ count }] = await run<[{ count: number }]>(
        manager,
        `select count(*)::int as count from {sessions} s where ${LIVE}`,
      );
      return count;
    },
  };
}
