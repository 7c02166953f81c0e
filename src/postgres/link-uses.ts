import type { EntityManager } from 'typeorm';
import { emailKey } from '../core/email';
import { type Link, UNDO_LINK_TTL } from '../core/link';
import type { LinkUses } from '../core/ports/link-uses';
import { insertEvents, toJson } from './audit-log';
import { BEGIN, createEnding, endedOf, liveBefore, RESULT } from './ends';
import { violatesUnique } from './faults';
import { getsNotices, insertMails } from './mails';
import { insertEntries, type LogSettings } from './revocation-log';
import { insertSession, liveAt, STATE, type StateRow, toState, valuesOf } from './session-rows';
import { runPrepared, type Statement } from './tables';
import { emailTaken, isPendingRegistration, isReserved, toUser, USER_COLUMNS, type UserRow } from './users';

// Each statement compares the version in the change itself. Of two at once, the second waits for the row, judges it
// again, and finds another version: its link is used.

/** The user of a link that is neither used nor superseded. */
const GOOD = 'u.id = $2 and u.token_version = $3 and u.email = $4 and u.disabled_at is null';

/** Appends the raise of `u` to the log. @param hasCopies the number of the last parameter */
const raiseEntries = (hasCopies: number) =>
  insertEntries(`$${hasCopies}`, `select 'USER' as kind, id as user_id, token_version from u`, [
    'kind',
    'user_id',
    'token_version',
  ]);

const eventIf = (event: number, part: string) =>
  insertEvents(`jsonb_build_array($${event}::jsonb)`, `where exists (select from ${part})`);

/** Counts the sessions that a raise ended. @param version that of before */
const endedUnder = (version: string) => `(select count(*)::integer from {sessions} s
  where s.user_id = $2 and exists (select from u) and ${liveBefore(version)}) as ended`;

const SET_PASSWORD: Statement = {
  name: 'set_password',
  text: `${BEGIN},
    u as (
      update {users} u
      set token_version = u.token_version + 1, password_hash = $5, email_verified = true, pending = false
      from f where ${GOOD} and (u.pending or not $6::boolean) returning u.*
    ),
    s as (${insertSession({ use: 7, id: 11, salt: 12, usesCookie: 13, expiresAt: 14 })}),
    entries as (${raiseEntries(17)}),
    event as (${eventIf(15, 'u')}),
    mail as (${insertMails('$16::jsonb', 'u')})
    select ${RESULT}, state.*, ${endedUnder('$3')}
    from (select) as one left join (select ${STATE} from s, u, f) as state on true`,
};

// Raises nothing: the user stays signed in. The flag turns only once, and so the link is good once.
const VERIFY_EMAIL: Statement = {
  name: 'verify_email',
  text: `with u as (
      update {users} u set email_verified = true, pending = false
      where u.id = $1 and u.token_version = $2 and u.email = $3 and u.disabled_at is null and not u.email_verified
      returning u.*
    ),
    event as (${eventIf(4, 'u')})
    select ${USER_COLUMNS} from u`,
};

// The owner is another account: a user may change the spelling of their own email. A registration that nobody verified
// owns nothing. A reserved email is not asked for here: only its owner gets the link, and is told when using it.
const REQUEST_EMAIL_CHANGE: Statement = {
  name: 'request_email_change',
  text: `with f as materialized (select * from {fleet}),
    u as materialized (
      select u.* from {users} u, {sessions} s, f
      where u.id = $1 and u.token_version = $2 and s.id = $3 and ${liveAt(4)}
    ),
    addressee as (
      select case when owner.id is null then 'email-change' else 'account-exists' end as kind,
        coalesce(owner.id, u.id) as id, coalesce(owner.email, $5) as email,
        coalesce(owner.token_version, u.token_version) as token_version
      from u left join {users} owner
        on owner.email_key = $6 and owner.id <> u.id and not ${isPendingRegistration('owner')}
    ),
    mail as (
      ${insertMails(`jsonb_build_array($7::jsonb || jsonb_build_object('kind', addressee.kind))`, 'addressee')}
    ),
    notice as (${insertMails('$8::jsonb', 'u', getsNotices('u'))}),
    event as (${eventIf(9, 'u')})
    select exists (select from u) as written`,
};

// Locks the user first, because the update returns only the new row, and the notices need the email of before. A second
// change keeps the first email: otherwise a thief could change it twice. A registration of the new email that nobody
// verified makes room: anybody may have made it, and the link proves whose the email is.
const CHANGE_EMAIL: Statement = {
  name: 'change_email',
  text: `${BEGIN},
    old as materialized (
      select u.* from {users} u, f where u.id = $2 and u.token_version = $3 and u.disabled_at is null for update of u
    ),
    chosen as (
      select old.*, old.email_verified and coalesce(old.previous_email_until <= clock.now, true) as starts
      from old, clock where not ${isReserved('$5', '$2')}
    ),
    squatter as (
      delete from {users} u using chosen where u.email_key = $5 and u.id <> chosen.id and ${isPendingRegistration('u')}
      returning u.id
    ),
    u as (
      update {users} u
      set token_version = u.token_version + 1, email = $4, email_key = $5, email_verified = true, pending = false,
        previous_email = case when starts then chosen.email else u.previous_email end,
        previous_email_key = case when starts then chosen.email_key else u.previous_email_key end,
        previous_email_until = case when starts then clock.now + ${UNDO_LINK_TTL} * interval '1 second'
          else u.previous_email_until end,
        previous_email_version = case when starts then u.token_version + 1 else u.previous_email_version end
      from chosen, clock, (select count(*) from squatter) as room
      where u.id = chosen.id and u.token_version = chosen.token_version returning u.*
    ),
    informed as (select u.id, old.email, u.token_version from u, old where ${getsNotices('old')}),
    entries as (${raiseEntries(8)}),
    event as (${eventIf(6, 'u')}),
    mail as (${insertMails('$7::jsonb', 'informed')})
    select ${RESULT}, changed.*, (select email from old) as previous_email, exists (select from old) as is_good, ${endedUnder('$3')}
    from (select) as one left join (select ${USER_COLUMNS} from u) as changed on true`,
};

// Not fenced by the current version, which a thief could raise, but by that of the change. An account that was never let
// in may have taken the email while the change was being committed: it makes room. The update waits for that.
const UNDO_EMAIL_CHANGE: Statement = {
  name: 'undo_email_change',
  text: `${BEGIN},
    old as materialized (
      select u.* from {users} u, f, clock
      where u.id = $2 and u.previous_email_version = $3 and u.previous_email = $4 and u.previous_email_until > clock.now
        and u.disabled_at is null
      for update of u
    ),
    squatter as (
      delete from {users} u using old where u.email_key = $5 and u.id <> old.id and u.pending returning u.id
    ),
    u as (
      update {users} u
      set token_version = u.token_version + 1, email = $4, email_key = $5, email_verified = true, pending = false,
        password_hash = null, previous_email = null, previous_email_key = null, previous_email_until = null,
        previous_email_version = null
      from old, (select count(*) from squatter) as room
      where u.id = old.id and u.previous_email_version = $3 returning u.*
    ),
    entries as (${raiseEntries(8)}),
    event as (${eventIf(6, 'u')}),
    mail as (${insertMails('$7::jsonb', 'u')})
    select ${RESULT}, restored.*, (select email from old) as previous_email, ${endedUnder('(select token_version from {users} where id = $2)')}
    from (select) as one left join (select ${USER_COLUMNS} from u) as restored on true`,
};

/** What the statements return if they change nothing. */
type Nothing = { readonly state: null };
type NoUser = { readonly user_id: null };

type EmailRow = UserRow & { readonly previous_email: string };

const ownerOf = ({ userId, tokenVersion, email }: Link) => [userId, tokenVersion, email];

export function linkUsesIn(manager: EntityManager, settings: LogSettings): LinkUses {
  const end = createEnding(manager, settings);

  const withUser = async (statement: Statement, values: unknown[]) => {
    try {
      const row = await end<(EmailRow | NoUser) & { readonly is_good?: boolean }>(statement, values);
      if (row.user_id !== null) {
        const { user_id: userId, previous_email: previousEmail } = row;
        return { ...endedOf(row), userId, user: toUser(row), previousEmail };
      }
      if (row.is_good) throw emailTaken();
      return undefined;
    } catch (error) {
      throw violatesUnique(error, 'users_email_key_unique') ? emailTaken() : error;
    }
  };

  return {
    async setPassword(link, passwordHash, session, event, notices) {
      const row = await end<StateRow | Nothing>(SET_PASSWORD, [
        ...ownerOf(link),
        passwordHash,
        link.purpose === 'accept-invitation',
        ...valuesOf(session),
        session.id,
        session.salt,
        session.usesCookie,
        session.expiresAt,
        toJson(event),
        toJson(notices),
      ]);
      return row.state === null ? undefined : { ...endedOf(row), userId: link.userId, state: toState(row) };
    },

    async verifyEmail(link, event) {
      const values = [...ownerOf(link), toJson(event)];
      const [row] = await runPrepared<UserRow>(manager, VERIFY_EMAIL, values);
      return row && toUser(row);
    },

    async requestEmailChange({ session, tokenVersion, newEmail, requestedAt }, event, mail, notices) {
      const [row] = await runPrepared<{ written: boolean }>(manager, REQUEST_EMAIL_CHANGE, [
        session.userId,
        tokenVersion,
        session.id,
        requestedAt,
        newEmail,
        emailKey(newEmail),
        toJson(mail),
        toJson(notices),
        toJson(event),
      ]);
      return row?.written ?? false;
    },

    changeEmail: (link, event, notices) =>
      withUser(CHANGE_EMAIL, [...ownerOf(link), emailKey(link.email), toJson(event), toJson(notices)]),

    undoEmailChange: (link, event, mails) =>
      withUser(UNDO_EMAIL_CHANGE, [...ownerOf(link), emailKey(link.email), toJson(event), toJson(mails)]),
  };
}
