import type { EntityManager } from 'typeorm';
import { isId, LAST_VERSION } from '../core/claims';
import { serviceUnavailable } from '../core/errors';
import type { Ended, Ends, SessionName } from '../core/ports/sessions';
import { insertEvents, toJson } from './audit-log';
import { anotherDatabase, onlyRow } from './fleet';
import { getsNotices, insertMails, mailsToJson } from './mails';
import { PROOF } from './primary';
import { entriesOf, insertEntries, type LogRow, type LogSettings } from './revocation-log';
import { liveAt, STATE, type StateRow, toState, useColumns, valuesOf } from './session-rows';
import { runPrepared, type Statement } from './tables';
import { toUser, USER_COLUMNS, type UserRow } from './users';

/**
 * What statements begin with that end sessions or tokens. If the database is another one than at the start, `f` is empty,
 * and nothing else happens: no copy would bring these entries. Their last parameter is `hasCopies`.
 */
export const BEGIN = `with f as materialized (select * from {fleet} where database_id = coalesce($1::uuid, database_id)),
  clock as materialized (select clock_timestamp() as now)`;

/** The row that each returns: `RESULT`, whose proof is for finding nothing to end, and how many live sessions it ended. */
export interface EndRow {
  readonly is_ours: boolean;
  readonly entries: LogRow[] | null;
  readonly ended: number;
}

export const RESULT = `exists (select from f) as is_ours, (select json_agg(entries) from entries) as entries, ${PROOF} as proof`;

/** SQL for the live sessions of before, in the snapshot of the statement: it does not see its own changes. */
export const liveBefore = (
  version: string,
) => `s.ended_at is null and s.idle_expires_at > now() and s.expires_at > now()
  and s.token_version = ${version} and s.global_version = (select global_version from f)`;

// A session is ended however it stands with the versions: they may have been raised on one side only, as this statement
// sees them. The count is of what was live.
const END_SESSION: Statement = {
  name: 'end_session',
  text: `${BEGIN},
    own as materialized (
      select s.* from {sessions} s, f where s.id = $2 and ($3::uuid is null or s.user_id = $3)
        and ($4::bytea is null or sha256(sha256(s.salt || $4)) = $5::bytea)
    ),
    ended as (
      update {sessions} s set ended_at = clock.now from clock, own
      where s.id = own.id and s.ended_at is null returning s.id, s.user_id
    ),
    entries as (
      ${insertEntries(
        '$10',
        `select kind, user_id, case when kind = 'SESSION' then id end as session_id,
           case when kind = 'TOKEN' then $6::uuid end as token_id
         from ended, unnest(case when $6::uuid is null then array['SESSION'] else array['SESSION', 'TOKEN'] end) as kind`,
        ['kind', 'user_id', 'session_id', 'token_id'],
      )}
    ),
    event as (${insertEvents(`(
      select jsonb_agg(jsonb_build_object('userId', user_id, 'sessionId', id)
        || case when $8 then jsonb_build_object('actorId', user_id) else '{}' end || $7::jsonb)
      from ended)`)}),
    u as materialized (
      select u.id, u.email, u.token_version from {users} u, ended
      where u.id = ended.user_id and $9::jsonb is not null and ${getsNotices('u')}
    ),
    mail as (${insertMails('$9::jsonb', 'u')})
    select ${RESULT}, (select user_id from own) as user_id,
      (select count(*)::integer from own s where exists (select from ended) and ${liveBefore(
        '(select token_version from {users} where id = s.user_id)',
      )}) as ended`,
};

// Carried over is what lived under the version just before. Another raise may have been waited for: what it ended has an
// older version, and stays ended.
const END_USER: Statement = {
  name: 'end_user',
  text: `${BEGIN},
    raised as (
      update {users} u set token_version = case when $3 then ${LAST_VERSION} else u.token_version + 1 end
      from f where u.id = $2 returning ${USER_COLUMNS}
    ),
    carried as (
      update {sessions} s set token_version = raised.user_token_version from raised
      where s.user_id = $2 and s.token_version = raised.user_token_version - 1 and s.ended_at is null
        and $4
    ),
    entries as (
      ${insertEntries(
        '$6',
        `select 'USER' as kind, user_id, user_token_version as token_version from raised`,
        ['kind', 'user_id', 'token_version'],
      )}
    ),
    event as (${insertEvents('jsonb_build_array($5::jsonb)', 'where exists (select from raised)')})
    select ${RESULT}, raised.*,
      (select count(*)::integer from {sessions} s where s.user_id = $2 and not $4
        and ${liveBefore('(select token_version from {users} where id = $2)')}) as ended
    from (select) as one left join raised on true`,
};

// Locks the user, then the session, and changes something only if both are as they should be. If it waited for another
// change of the user, `own` compares the new version with the session of before, and is empty: `was_live` then tells
// that the session had not ended, and the statement is run again.
const END_OTHERS: Statement = {
  name: 'end_others',
  text: `${BEGIN},
    locked as materialized (
      select u.* from {users} u, f where u.id = $2 and u.password_hash is not distinct from coalesce($10, u.password_hash)
      for update of u
    ),
    own as materialized (
      select s.id from {sessions} s, locked u, f where s.id = $3 and ${liveAt(4)} for update of s
    ),
    u as (
      update {users} u
      set token_version = u.token_version + 1, password_hash = coalesce($11, u.password_hash)
      from own where u.id = $2 returning u.*
    ),
    s as (
      update {sessions} s set token_version = u.token_version, salt = $8, generation = s.generation + 1,
        rotated_at = clock.now, ${useColumns(4)},
        authenticated_at = case when $11::text is null then s.authenticated_at else clock.now end
      from own, u, clock where s.id = own.id returning s.*
    ),
    entries as (
      ${insertEntries('$13', `select 'USER' as kind, id as user_id, token_version from u`, [
        'kind',
        'user_id',
        'token_version',
      ])}
    ),
    event as (${insertEvents('jsonb_build_array($9::jsonb)', 'where exists (select from u)')}),
    mail as (${insertMails('$12::jsonb', 'u', getsNotices('u'))})
    select ${RESULT}, state.*,
      exists (select from {sessions} s, {users} u, f where s.id = $3 and u.id = $2 and ${liveAt(4)}) as was_live,
      exists (select from {users} where id = $2 and $10::text is not null and password_hash is distinct from $10) as has_other_password,
      (select count(*)::integer from {sessions} s where s.user_id = $2 and s.id <> $3
        and ${liveBefore('(select token_version from {users} where id = $2)')}) as ended
    from (select) as one left join (select ${STATE} from s, u, f) as state on true`,
};

/** How often it is run when other changes of the user keep overtaking it. */
const ATTEMPTS = 5;

const END_EVERYONE: Statement = {
  name: 'end_everyone',
  text: `with f as (
      update {fleet} set global_version = global_version + 1 where database_id = coalesce($1::uuid, database_id)
      returning *
    ),
    clock as materialized (select clock_timestamp() as now),
    entries as (
      ${insertEntries('$3', `select 'EVERYONE' as kind, global_version from f`, ['kind', 'global_version'])}
    ),
    event as (${insertEvents('jsonb_build_array($2::jsonb)', 'where exists (select from f)')})
    select ${RESULT}, 0 as ended`,
};

const END_KEYS: Statement = {
  name: 'end_keys',
  text: `${BEGIN},
    revoked as (
      update {signing_keys} k set revoked_at = clock.now from clock, f where k.revoked_at is null
      returning f.database_id::text || '.' || k.id as key_id
    ),
    entries as (
      ${insertEntries('$3', `select 'KEY' as kind, key_id from revoked`, ['kind', 'key_id'])}
    ),
    event as (${insertEvents('jsonb_build_array($2::jsonb)', 'where exists (select from revoked)')})
    select ${RESULT}, 0 as ended`,
};

/** What `others` returns besides. The state is null if nothing was changed. */
type OthersRow = (StateRow | { readonly state: null }) & {
  readonly was_live: boolean;
  readonly has_other_password: boolean;
};

const isOf = (name: SessionName) =>
  'token' in name
    ? { id: name.token.sessionId, ownerId: undefined, token: name.token }
    : { ...name, token: undefined };

/** Returns the function that runs a statement which begins with `BEGIN`. Its first and last parameters are added. */
export const createEnding =
  (manager: EntityManager, { hasCopies, databaseId }: LogSettings) =>
  async <Extra extends object>(statement: Statement, values: unknown[]): Promise<EndRow & Extra> => {
    const all = [databaseId ?? null, ...values, hasCopies];
    const row = onlyRow(await runPrepared<EndRow & Extra>(manager, statement, all));
    if (!row.is_ours) throw anotherDatabase();
    return row;
  };

export const endedOf = (row: EndRow): Ended => ({
  entries: entriesOf(row.entries),
  endedSessions: row.ended,
});

export function endsIn(manager: EntityManager, settings: LogSettings): Ends {
  const end = createEnding(manager, settings);

  return {
    async session(name, event, { byOwner = false, tokenId, mails } = {}) {
      const { id, ownerId, token } = isOf(name);
      if (!isId(id) || (ownerId !== undefined && !isId(ownerId))) return undefined;
      const row = await end<{ user_id: string | null }>(END_SESSION, [
        id,
        ownerId ?? null,
        token?.half ?? null,
        token?.digest ?? null,
        tokenId ?? null,
        toJson(event),
        byOwner,
        mailsToJson(mails),
      ]);
      return row.user_id === null ? undefined : { ...endedOf(row), userId: row.user_id };
    },

    async user(userId, event, { carryOver, forGood = false }) {
      if (!isId(userId)) return undefined;
      const row = await end<UserRow | { user_id: null }>(END_USER, [
        userId,
        forGood,
        carryOver === 'all',
        toJson(event),
      ]);
      return row.user_id === null ? undefined : { ...endedOf(row), userId: row.user_id, user: toUser(row) };
    },

    async others({ id, userId }, event, { salt, use, password, mails }) {
      const { before = null, after = null } = password ?? {};
      const values = [userId, id, ...valuesOf(use), salt, toJson(event), before, after, mailsToJson(mails)];
      for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
        const row = await end<OthersRow>(END_OTHERS, values);
        if (row.state !== null) return { ...endedOf(row), userId, state: toState(row) };
        if (row.has_other_password) return 'password changed';
        if (!row.was_live) return 'session ended';
      }
      throw serviceUnavailable(new Error('Other changes of the user overtook the end of their sessions'));
    },

    async everyone(event) {
      return endedOf(await end(END_EVERYONE, [toJson(event)]));
    },

    async keys(event) {
      return endedOf(await end(END_KEYS, [toJson(event)]));
    },
  };
}
