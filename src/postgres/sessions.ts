import type { EntityManager } from 'typeorm';
import type { Session } from '../core/account';
import { isId } from '../core/claims';
import { emailKey } from '../core/email';
import type { Sessions, SessionsOfUser } from '../core/ports/truth';
import { SessionEntity } from './entities/session.entity';
import { run } from './tables';

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

// Plain SQL, like all that a revocation runs: building the query would take longer than running it.
const COLUMNS = `s.id, s.user_id as "userId", s.global_version as "globalVersion", s.uses_cookie as "usesCookie",
  s.user_agent as "userAgent", s.ip_address as "ipAddress", s.created_at as "createdAt",
  s.last_used_at as "lastUsedAt", s.idle_expires_at as "idleExpiresAt", s.expires_at as "expiresAt",
  s.ended_at as "endedAt"`;
const BY_ID = `select ${COLUMNS} from {sessions} s where s.id = $1`;

// The first part runs before the second, which asks whether the user exists: so the user is locked before the session. A
// transaction that ends the session at the same time is waited for in the second part, and its result is seen.
const END_OWN = `
  with owner as materialized (select id from {users} where id = $1 for share),
    own as materialized (
      select id, ended_at from {sessions}
      where exists (select from owner) and id = $2 and user_id = $1 for update
    ),
    ended as (
      update {sessions} set ended_at = now() where id in (select id from own where ended_at is null) returning id
    )
  select case when exists (select from ended) then 'NOW' when exists (select from own) then 'BEFORE' end as ended`;

/** The SQL form of `isLive` in core/account.ts. */
const UNEXPIRED = `s.idle_expires_at > now() and s.expires_at > now()
  and s.global_version = (select global_version from {fleet})`;
const LIVE = `s.ended_at is null and ${UNEXPIRED}`;

// Ends all, and counts only live ones: a clock set back must not revive an idle one.
const END_ALL = `
  with s as (
    update {sessions} set ended_at = now() where user_id = $1 and ended_at is null and id is distinct from $2
    returning idle_expires_at, expires_at, global_version
  )
  select count(*)::integer as count from s where ${UNEXPIRED}`;

// Per user, so that one with many sessions does not slow down the answer of another. A session that ended after its
// page was read still marks the place.
const LIVE_OF = `select live.*, wanted.place::integer
  from unnest($1::uuid[], $2::integer[], $3::uuid[]) with ordinality as wanted (user_id, most, after, place)
  cross join lateral (
    select ${COLUMNS} from {sessions} s where s.user_id = wanted.user_id and ${LIVE}
    and (wanted.after is null or (s.last_used_at, s.id) < (
      select p.last_used_at, p.id from {sessions} p where p.id = wanted.after and p.user_id = wanted.user_id))
    order by s.last_used_at desc, s.id desc limit wanted.most
  ) as live`;

const END_SURPLUS = `update {sessions} set ended_at = now() where id in (
    select s.id from {sessions} s where s.user_id = $1 and ${LIVE}
    order by s.last_used_at desc, s.id desc offset $2
  ) returning id`;

const RECENT_ADDRESSES = `select distinct ip_address from (
    select s.ip_address from {sessions} s join {users} u on u.id = s.user_id
    where u.email_key = $1 and s.last_used_at > now() - interval '30 days' limit 1000) recent
  where ip_address is not null`;

/** A session that does not exist. The page after it is empty, as after a value that is not an id. */
const NO_SESSION = '00000000-0000-0000-0000-000000000000';

async function liveOf(manager: EntityManager, wanted: readonly SessionsOfUser[]): Promise<Session[][]> {
  const lists = wanted.map((): Session[] => []);
  if (wanted.length === 0) return lists;
  const rows = await run<(SessionEntity & { place: number })[]>(manager, LIVE_OF, [
    wanted.map(({ userId }) => userId),
    wanted.map(({ first }) => first),
    wanted.map(({ after }) => (after === undefined || isId(after) ? after : NO_SESSION)),
  ]);
  for (const row of rows) lists[row.place - 1]?.push(toSession(row));
  return lists;
}

export function sessionsIn(manager: EntityManager): Sessions {
  const sessions = manager.getRepository(SessionEntity);

  const findOne = async (text: string, id: string) => {
    if (!isId(id)) return undefined;
    const [row] = await run<SessionEntity[]>(manager, text, [id]);
    return row && toSession(row);
  };

  return {
    find: (id) => findOne(BY_ID, id),

    lock: (id) => findOne(`${BY_ID} for update`, id),

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
      const [{ ended }] = await run<[{ ended: 'NOW' | 'BEFORE' | null }]>(manager, END_OWN, [userId, id]);
      return ended ?? undefined;
    },

    async endAllOf(userId, exceptSessionId) {
      const [{ count }] = await run<[{ count: number }]>(manager, END_ALL, [userId, exceptSessionId ?? null]);
      return count;
    },

    async endSurplusOf(userId, keep) {
      const [rows] = await run<[{ id: string }[], number]>(manager, END_SURPLUS, [userId, keep]);
      return rows.map(({ id }) => id);
    },

    liveOf: (wanted) => liveOf(manager, wanted),

    async recentAddressesOf(email) {
      const rows = await run<{ ip_address: string }[]>(manager, RECENT_ADDRESSES, [emailKey(email)]);
      return rows.map((row) => row.ip_address);
    },

    async countLive() {
      const [{ count }] = await run<[{ count: number }]>(
        manager,
        `select count(*)::integer as count from {sessions} s where ${LIVE}`,
      );
      return count;
    },
  };
}
