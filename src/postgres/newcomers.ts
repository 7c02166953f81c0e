import type { EntityManager } from 'typeorm';
import { emailKey } from '../core/email';
import { serviceUnavailable } from '../core/errors';
import type { MailKind } from '../core/mail';
import type { Newcomers } from '../core/ports/newcomers';
import { insertEvents, toJson } from './audit-log';
import { insertMails } from './mails';
import { runPrepared, type Statement } from './tables';
import { emailTaken, isPendingRegistration, isReserved, toUser, USER_COLUMNS, type UserRow } from './users';

const VERIFICATION: MailKind = 'email-verification';
const INVITATION: MailKind = 'invitation';
const EXISTS: MailKind = 'account-exists';

// An invited account has no password, and keeps it so: a stranger must not put theirs into an account with a role. Nor
// does a role stay that an administrator gave to an earlier registration.
const REGISTER: Statement = {
  name: 'register',
  text: `with registered as (
      insert into {users} as u (email, email_key, password_hash, role, pending)
      select $1, $2, $3, 'USER', true where not ${isReserved('$2')}
      on conflict (email_key) do update set email = excluded.email, password_hash = excluded.password_hash,
        role = excluded.role, token_version = u.token_version + 1, created_at = now()
      where ${isPendingRegistration('u')}
      returning u.*
    ),
    owner as (
      select o.id, o.token_version, case when o.email_key = $2 then o.email else o.previous_email end as email,
        case when o.email_key = $2 and o.pending and o.password_hash is null and o.disabled_at is null
          then '${INVITATION}' else '${EXISTS}' end as kind
      from {users} o
      where (o.email_key = $2 or (o.previous_email_key = $2 and o.previous_email_until > now()))
        and not exists (select from registered)
      order by o.email_key = $2 desc limit 1
    ),
    addressee as (
      select id, email, token_version, '${VERIFICATION}' as kind, $5::jsonb as event from registered
      union all
      select id, email, token_version, kind, $6::jsonb from owner
    ),
    mail as (
      ${insertMails(`jsonb_build_array(jsonb_build_object('kind', addressee.kind, 'data', $4::jsonb))`, 'addressee')}
    ),
    event as (${insertEvents(`(select jsonb_agg(event || jsonb_build_object('userId', id)) from addressee)`)})
    select exists (select from addressee) as written, made.*
    from (select) as one left join (select ${USER_COLUMNS} from registered u) as made on true`,
};

type RegisterRow = (UserRow | { readonly user_id: null }) & { readonly written: boolean };

/** How often it is run when other changes of the account keep overtaking it. */
const ATTEMPTS = 5;

const INVITE: Statement = {
  name: 'invite',
  text: `with invited as (
      insert into {users} as u (email, email_key, role, pending)
      select $1, $2, $3, true where not ${isReserved('$2')}
      on conflict (email_key) do update set email = excluded.email, password_hash = null, role = excluded.role,
        token_version = u.token_version + 1
      where u.pending and u.disabled_at is null
      returning u.*
    ),
    mail as (${insertMails(`jsonb_build_array(jsonb_build_object('kind', '${INVITATION}'))`, 'invited')}),
    event as (${insertEvents(`(select jsonb_agg($4::jsonb || jsonb_build_object('userId', id)) from invited)`)})
    select ${USER_COLUMNS} from invited u`,
};

export const newcomersIn = (manager: EntityManager): Newcomers => ({
  async register({ email, passwordHash }, { registered, taken }, data) {
    const values = [email, emailKey(email), passwordHash, toJson(data), toJson(registered), toJson(taken)];
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const [row] = await runPrepared<RegisterRow>(manager, REGISTER, values);
      // If not, it waited for a change of the account, and its snapshot from before does not show whose the email is now.
      if (row?.written) return row.user_id === null ? undefined : toUser(row);
    }
    throw serviceUnavailable(new Error('Other changes of the account overtook the registration'));
  },

  async invite({ email, role }, event) {
    const values = [email, emailKey(email), role, toJson(event)];
    const [row] = await runPrepared<UserRow>(manager, INVITE, values);
    if (!row) throw emailTaken();
    return toUser(row);
  },
});
