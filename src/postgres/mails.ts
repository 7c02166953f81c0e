import type { EntityManager } from 'typeorm';
import { isId } from '../core/claims';
import { emailKey } from '../core/email';
import type { NewMail } from '../core/mail';
import type { Mails } from '../core/ports/mails';
import { insertEvents, toJson } from './audit-log';
import { runPrepared, type Statement } from './tables';

/**
 * Returns SQL that writes mails to the outbox, for a part of the statement that makes the change which they tell of.
 *
 * @param mails an expression for a JSON array of `NewMail`; null for none
 * @param to the part of the statement with the row of the user: `id`, `email` and `token_version`. The version is the
 *   one that the links of the mail will carry, so a statement that raises it names the part with the new one.
 * @param condition what must hold, if anything
 */
export const insertMails = (mails: string, to: string, condition = 'true') => `
  insert into {mails} (kind, recipient, user_id, token_version, data)
  select mail.kind, coalesce(mail.recipient, ${to}.email), ${to}.id, ${to}.token_version, coalesce(mail.data, '{}')
  from ${to}, jsonb_to_recordset(${mails}) as mail (kind text, recipient text, data jsonb)
  where ${condition}
  returning id`;

/**
 * SQL that says whether a user gets notices. An address that nobody has verified may be that of somebody else, whom its
 * user could flood by logins. An administrator's was given by an operator.
 *
 * @param user the part of the statement with `email_verified` and `role`
 */
export const getsNotices = (user: string) => `(${user}.email_verified or ${user}.role = 'ADMIN')`;

/** Returns the parameter for `insertMails`. */
export const mailsToJson = (mails: readonly NewMail[] = []): string | null =>
  mails.length === 0 ? null : toJson(mails);

const WRITE_TO_USER: Statement = {
  name: 'write_to_user',
  text: `with u as materialized (select * from {users} where id = $1 and disabled_at is null),
    mail as (${insertMails('jsonb_build_array($2::jsonb)', 'u')}),
    event as (${insertEvents('jsonb_build_array($3::jsonb)', 'where $3::jsonb is not null and exists (select from u)')})
    select exists (select from u) as written`,
};

// One row and one event whether or not there is an account. Only the row of the user is read besides, if there is one.
const WRITE_TO_ADDRESS: Statement = {
  name: 'write_to_address',
  text: `with u as materialized (
      select found.* from (select) as one left join lateral (
        select id, email, token_version from {users} where email_key = $2 and disabled_at is null
      ) as found on true
    ),
    addressee as (select id, coalesce(email, $1) as email, token_version from u),
    mail as (${insertMails('jsonb_build_array($3::jsonb)', 'addressee')}),
    event as (${insertEvents(`jsonb_build_array($4::jsonb || jsonb_build_object('userId', (select id from u)))`)})
    select id from mail`,
};

export const mailsIn = (manager: EntityManager): Mails => ({
  async writeToUser(userId, mail, event) {
    if (!isId(userId)) return false;
    const values = [userId, toJson(mail), event === undefined ? null : toJson(event)];
    const [row] = await runPrepared<{ written: boolean }>(manager, WRITE_TO_USER, values);
    return row?.written ?? false;
  },

  async writeToAddress(email, mail, event) {
    const values = [email, emailKey(email), toJson(mail), toJson(event)];
    await runPrepared(manager, WRITE_TO_ADDRESS, values);
  },
});
