import type { EntityManager } from 'typeorm';
import { networkOf } from '../core/address';
import type { Sessions } from '../core/ports/sessions';
import { insertEvents, toJson } from './audit-log';
import { readDatabaseId } from './fleet';
import { getsNotices, insertMails, mailsToJson } from './mails';
import { entriesOf, insertEntries, type LogRow, type LogSettings } from './revocation-log';
import { insertSession, STATE, type StateRow, toState, UNEXPIRED, valuesOf } from './session-rows';
import { runPrepared, type Statement } from './tables';

/** The sessions of a user that a new one is compared with: those used last. */
const MOST_COMPARED = 1000;

const withoutDigits = (text: string) => `translate(${text}, '0123456789', '')`;

// Evaluated only if there is a mail to write. The limit keeps Postgres from joining instead, with all sessions.
const isNewDevice = (userAgent: string, network: string) => `not exists (
  select from (
    select user_agent, ip_address from {sessions} where user_id = u.id order by last_used_at desc limit ${MOST_COMPARED}
  ) as used
  where used.ip_address::inet <<= ${network}::inet
    and ${withoutDigits('used.user_agent')} is not distinct from ${withoutDigits(userAgent)})`;

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
      ${insertSession({ use: 2, id: 7, salt: 8, usesCookie: 9, expiresAt: 10 })}
    ),
    event as (${insertEvents('jsonb_build_array($12::jsonb)', 'where exists (select from u)')}),
    surplus_event as (${insertEvents(
      `jsonb_build_array($14::jsonb || jsonb_build_object(
         'sessionId', case when (select count(*) from surplus) = 1 then (select id from surplus) end,
         'reason', format($14::jsonb ->> 'reason', (select count(*) from surplus))))`,
      'where exists (select from surplus)',
    )}),
    mail as (${insertMails('$16::jsonb', 'u', `exists (select from s) and ${getsNotices('u')} and ${isNewDevice('$4::text', '$17')}`)})
    select ${STATE}, exists (select from mail) as has_mail, (select json_agg(entries) from entries) as entries from s, u, f`,
};

type OpenRow = StateRow & { readonly entries: LogRow[] | null; readonly has_mail: boolean };

/** See `Sessions.open`. */
export async function openSession(
  manager: EntityManager,
  settings: LogSettings,
  opening: Parameters<Sessions['open']>[0],
): ReturnType<Sessions['open']> {
  const [row] = await runPrepared<OpenRow>(manager, OPEN, [
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
    mailsToJson(opening.ifNewDevice),
    opening.ipAddress === undefined ? null : networkOf(opening.ipAddress),
  ]);
  // Nothing was opened: the user has changed, or the database.
  if (!row) await readDatabaseId(manager, settings.databaseId);
  return row && { ...toState(row), displaced: entriesOf(row.entries), hasMail: row.has_mail };
}
