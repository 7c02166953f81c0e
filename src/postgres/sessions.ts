import type { EntityManager } from 'typeorm';
import type { Session } from '../core/account';
import { isId } from '../core/claims';
import { emailKey } from '../core/email';
import type {
  PresentedRefreshToken,
  Sessions,
  SessionsOfUser,
  SessionState,
  SessionUse,
} from '../core/ports/sessions';
import { insertEvents, toJson } from './audit-log';
import type { SessionEntity } from './entities/session.entity';
import { FLEET_COLUMNS, type FleetRow, readDatabaseId, toFleet } from './fleet';
import { entriesOf, insertEntries, type LogRow, type LogSettings } from './revocation-log';
import { type InJson, run, runPrepared, type Statement } from './tables';
import { toUser, USER_COLUMNS, type UserRow } from './users';

type SessionRow = Omit<SessionEntity, 'generation' | 'rotatedAt' | 'salt' | 'purgeOn' | 'user'>;

const toSession = (row: SessionRow | InJson<SessionRow>): Session => ({
  id: row.id,
  userId: row.userId,
  tokenVersion: row.tokenVersion,
  globalVersion: row.globalVersion,
  usesCookie: row.usesCookie,
  userAgent: row.userAgent ?? undefined,
  ipAddress: row.ipAddress ?? undefined,
  createdAt: new Date(row.createdAt),
  lastUsedAt: new Date(row.lastUsedAt),
  expiresAt: new Date(row.expiresAt),
  idleExpiresAt: new Date(row.idleExpiresAt),
  endedAt: row.endedAt === null ? undefined : new Date(row.endedAt),
});

const COLUMNS = `s.id, s.user_id as "userId", s.token_version as "tokenVersion",
  s.global_version as "globalVersion", s.uses_cookie as "usesCookie", s.user_agent as "userAgent",
  s.ip_address as "ipAddress", s.created_at as "createdAt", s.last_used_at as "lastUsedAt",
  s.idle_expires_at as "idleExpiresAt", s.expires_at as "expiresAt", s.ended_at as "endedAt"`;

/**
 * Everything that the new tokens of a session need, in one column: pg spends more time on thirty columns than Postgres on
 * making JSON of them. The names of the user's columns begin with `user_`.
 */
export const STATE = `(select to_json(state) from (
    select ${COLUMNS}, s.generation, encode(s.salt, 'hex') as salt, ${USER_COLUMNS}, ${FLEET_COLUMNS}
  ) as state) as state`;

/** A row of `STATE`. */
export interface StateRow {
  readonly state: InJson<SessionRow & UserRow & FleetRow> & {
    readonly generation: number;
    /** In hexadecimal. */
    readonly salt: string;
  };
}

export const toState = ({ state }: StateRow): SessionState => ({
  user: toUser(state),
  session: toSession(state),
  generation: state.generation,
  salt: Buffer.from(state.salt, 'hex'),
  fleet: toFleet(state),
});

/** The SQL form of `isLive` in core/account.ts, but for the user's version. */
const UNEXPIRED = `s.ended_at is null and s.idle_expires_at > now() and s.expires_at > now()
  and s.global_version = (select global_version from {fleet})`;

/** ... with it. */
const LIVE = `${UNEXPIRED} and s.token_version = (select token_version from {users} where id = s.user_id)`;

const GENUINE = (half: string, digest: string) =>
  `sha256(sha256(s.salt || ${half}::bytea)) = ${digest}::bytea`;

/** A week after it expires, a session may be deleted: until then a second logout finds it, and its network is known. */
const PURGE_ON = (idleEnd: string) => `(${idleEnd} + interval '8 days')::date`;

/** Assigns a use; its parameters are the time, the seconds until the session expires without one, user agent and address. */
export const useColumns = (first: number) => {
  const idleEnd = `least(s.expires_at, $${first}::timestamptz + $${first + 1} * interval '1 second')`;
  return `last_used_at = $${first}, idle_expires_at = ${idleEnd}, purge_on = ${PURGE_ON(idleEnd)},
    user_agent = $${first + 2}, ip_address = $${first + 3}`;
};
export const valuesOf = ({ usedAt, idleTtl, userAgent, ipAddress }: SessionUse) => [
  usedAt,
  idleTtl,
  userAgent ?? null,
  ipAddress ?? null,
];

/** SQL for a session that is live at the time of its use, which is the parameter of this number. */
export const liveAt = (time: number) => `s.ended_at is null
  and s.idle_expires_at > $${time}::timestamptz and s.expires_at > $${time}::timestamptz
  and u.id = s.user_id and u.disabled_at is null
  and s.token_version = u.token_version and s.global_version = f.global_version`;

// No lock on the user: what was read before a raise carries a version that is refused after it. The row of the session
// is locked by the update, so that of two refreshes with one token only one rotates.
const ROTATE: Statement = {
  name: 'rotate',
  text: `update {sessions} s set generation = s.generation + 1, rotated_at = clock_timestamp(), ${useColumns(2)}
    from {users} u, {fleet} f
    where s.id = $1 and s.generation = $6 and ${GENUINE('$7', '$8')} and ${liveAt(2)}
    returning ${STATE}`,
};

const LOOK: Statement = {
  name: 'look',
  text: `select ${STATE}, extract(epoch from clock_timestamp() - s.rotated_at)::float8 * 1000 as "rotatedAgo"
    from {sessions} s join {users} u on u.id = s.user_id cross join {fleet} f
    where s.id = $1 and ${GENUINE('$2', '$3')}`,
};

// The user is locked, so that a change of role either waits for the new session or raises its version first. Logins of
// one user wait for each other, so that two cannot deadlock over the sessions they end. The second still does not see
// the session of the first: together they may leave one too many, which the next login ends.
const OPEN: Statement = {
  name: 'open',
  text: `with u as materialized (
      select * from {users} where id = $1 and password_hash = $6 and disabled_at is null for no key update
    ),
    f as materialized (select * from {fleet} where database_id = coalesce($13::uuid, database_id)),
    clock as materialized (select clock_timestamp() as now),
    surplus as (
      update {sessions} set ended_at = now() where id in (
        select s.id from {sessions} s, u
        where s.user_id = u.id and ${UNEXPIRED} and s.token_version = u.token_version
        order by s.last_used_at desc, s.id desc offset $11
      ) and ended_at is null returning id
    ),
    entries as (
      ${insertEntries(
        '$15',
        `select 'SESSION' as kind, u.id as user_id, surplus.id as session_id from surplus, u`,
        ['kind', 'user_id', 'session_id'],
      )}
    ),
    s as (
      insert into {sessions} as s (id, user_id, token_version, global_version, rotated_at, salt, uses_cookie,
        user_agent, ip_address, created_at, last_used_at, idle_expires_at, expires_at, purge_on)
      select $7, u.id, u.token_version, f.global_version, clock.now, $8, $9, $4, $5, $2, $2, idle.ends_at, $10,
        ${PURGE_ON('idle.ends_at')}
      from u, f, clock,
        (select least($10::timestamptz, $2::timestamptz + $3 * interval '1 second') as ends_at) as idle
      returning *
    ),
    event as (${insertEvents('jsonb_build_array($12::jsonb)', 'where exists (select from u)')}),
    surplus_event as (${insertEvents(
      `jsonb_build_array($14::jsonb || jsonb_build_object(
         'sessionId', case when (select count(*) from surplus) = 1 then (select id from surplus) end,
         'reason', format($14::jsonb ->> 'reason', (select count(*) from surplus))))`,
      'where exists (select from surplus)',
    )})
    select ${STATE}, (select json_agg(entries) from entries) as entries from s, u, f`,
};

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

const RECENT_ADDRESSES = `select distinct ip_address from (
    select s.ip_address from {sessions} s join {users} u on u.id = s.user_id
    where u.email_key = $1 and s.last_used_at > now() - interval '30 days' limit 1000) recent
  where ip_address is not null`;

/** A session that does not exist. The page after it is empty, as after a value that is not an id. */
const NO_SESSION = '00000000-0000-0000-0000-000000000000';

/** Reads about a hundred pages, or all of a small table, and divides by the chance that each page had. */
const PAGES = `greatest(100, pg_relation_size('{sessions}'::regclass) / current_setting('block_size')::integer)`;
const COUNT_LIVE = `select round(count(*) * ${PAGES} / 100.0)::integer as count
  from {sessions} s tablesample system (100 * 100.0 / ${PAGES}) where ${LIVE}`;

async function liveOf(manager: EntityManager, wanted: readonly SessionsOfUser[]): Promise<Session[][]> {
  const lists = wanted.map((): Session[] => []);
  if (wanted.length === 0) return lists;
  const rows = await run<(SessionRow & { place: number })[]>(manager, LIVE_OF, [
    wanted.map(({ userId }) => userId),
    wanted.map(({ first }) => first),
    wanted.map(({ after }) => (after === undefined || isId(after) ? after : NO_SESSION)),
  ]);
  for (const row of rows) lists[row.place - 1]?.push(toSession(row));
  return lists;
}

export function sessionsIn(manager: EntityManager, settings: LogSettings): Sessions {
  const stateOf = async (statement: Statement, values: unknown[]) => {
    const [row] = await runPrepared<StateRow>(manager, statement, values);
    return row && toState(row);
  };

  return {
    async find(id) {
      if (!isId(id)) return undefined;
      const [row] = await run<SessionRow[]>(manager, `select ${COLUMNS} from {sessions} s where s.id = $1`, [
        id,
      ]);
      return row && toSession(row);
    },

    async open(opening) {
      const [row] = await runPrepared<StateRow & { entries: LogRow[] | null }>(manager, OPEN, [
        opening.userId,
        ...valuesOf(opening),
        opening.passwordHash,
        opening.id,
        opening.salt,
        opening.usesCookie,
        opening.expiresAt,
        opening.keep,
        toJson(opening.event),
        settings.databaseId ?? null,
        toJson(opening.surplusEvent),
        settings.hasCopies,
      ]);
      // Nothing was opened: the user has changed, or the database.
      if (!row) await readDatabaseId(manager, settings.databaseId);
      return row && { ...toState(row), displaced: entriesOf(row.entries) };
    },

    rotate: ({ sessionId, generation, half, digest }, use) =>
      stateOf(ROTATE, [sessionId, ...valuesOf(use), generation, half, digest]),

    async look({ sessionId, half, digest }: PresentedRefreshToken) {
      const values = [sessionId, half, digest];
      const [row] = await runPrepared<StateRow & { rotatedAgo: number }>(manager, LOOK, values);
      return row && { ...toState(row), rotatedAgo: row.rotatedAgo };
    },

    liveOf: (wanted) => liveOf(manager, wanted),

    async recentAddressesOf(email) {
      const rows = await run<{ ip_address: string }[]>(manager, RECENT_ADDRESSES, [emailKey(email)]);
      return rows.map((row) => row.ip_address);
    },

    countLive: async () => (await run<[{ count: number }]>(manager, COUNT_LIVE))[0].count,
  };
}
