import type { EntityManager } from 'typeorm';
import type { Session } from '../core/account';
import { isId } from '../core/claims';
import { emailKey } from '../core/email';
import type { PresentedRefreshToken, Sessions, SessionsOfUser } from '../core/ports/sessions';
import { onlyRow } from './fleet';
import { openSession } from './open-session';
import { type ProvenRow, PROVEN, refuseStandby } from './primary';
import { reauthenticate } from './reauthenticate';
import type { LogSettings } from './revocation-log';
import {
  COLUMNS,
  liveAt,
  type SessionRow,
  STATE,
  type StateRow,
  toSession,
  toState,
  UNEXPIRED,
  useColumns,
  valuesOf,
} from './session-rows';
import { run, runPrepared, type Statement } from './tables';

/** The SQL form of `isLive` in core/account.ts. */
const LIVE = `${UNEXPIRED} and s.token_version = (select token_version from {users} where id = s.user_id)`;

const GENUINE = (half: string, digest: string) =>
  `sha256(sha256(s.salt || ${half}::bytea)) = ${digest}::bytea`;

// No lock on the user: what was read before a raise carries a version that is refused after it. The row of the session
// is locked by the update, so that of two refreshes with one token only one rotates.
const ROTATE: Statement = {
  name: 'rotate',
  text: `update {sessions} s set generation = s.generation + 1, rotated_at = clock_timestamp(), ${useColumns(2)}
    from {users} u, {fleet} f
    where s.id = $1 and s.generation = $6 and ${GENUINE('$7', '$8')} and ${liveAt(2)}
    returning ${STATE}`,
};

// Returns one row, whether or not there is a session: both answers need the proof.
const LOOK: Statement = {
  name: 'look',
  text: `select ${PROVEN}, found.* from (select) as one left join (
      select ${STATE}, extract(epoch from clock_timestamp() - s.rotated_at)::float8 * 1000 as "rotatedAgo"
      from {sessions} s join {users} u on u.id = s.user_id cross join {fleet} f
      where s.id = $1 and ${GENUINE('$2', '$3')}
    ) as found on true`,
};

type LookRow = ProvenRow & ((StateRow & { readonly rotatedAgo: number }) | { readonly state: null });

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

    open: (opening) => openSession(manager, settings, opening),

    rotate: ({ sessionId, generation, half, digest }, use) =>
      stateOf(ROTATE, [sessionId, ...valuesOf(use), generation, half, digest]),

    async look({ sessionId, half, digest }: PresentedRefreshToken) {
      const values = [sessionId, half, digest];
      const row = onlyRow(await runPrepared<LookRow>(manager, LOOK, values));
      refuseStandby(row);
      return row.state === null ? undefined : { ...toState(row), rotatedAgo: row.rotatedAgo };
    },

    reauthenticate: (...confirmation) => reauthenticate(manager, ...confirmation),

    liveOf: (wanted) => liveOf(manager, wanted),

    async recentAddressesOf(email) {
      const rows = await run<{ ip_address: string }[]>(manager, RECENT_ADDRESSES, [emailKey(email)]);
      return rows.map((row) => row.ip_address);
    },

    countLive: async () => (await run<[{ count: number }]>(manager, COUNT_LIVE))[0].count,
  };
}
