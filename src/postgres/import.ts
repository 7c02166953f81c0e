import type { EntityManager } from 'typeorm';
import type { User } from '../core/account';
import { insertEvents } from './audit-log';
import { runPrepared, type Statement } from './tables';
import { isReserved } from './users';

/** An account that is brought along from another system. */
export interface NewAccount extends Pick<User, 'email' | 'emailVerified' | 'role' | 'disabled'> {
  /** Names it in the answer. */
  readonly line: number;
  readonly emailKey: string;
  /** `null`: the user sets a password by a link. */
  readonly passwordHash: string | null;
  /** In ISO 8601; `null` for now. */
  readonly createdAt: string | null;
}

/** An account that was not made, since there is one with its email. */
export interface Present {
  readonly line: number;
  /** Whether that one has the same hash, so that it was probably imported from this line. */
  readonly isSame: boolean;
}

// No account is overwritten, so an import can be run again. Only a pending one gives way: anybody may have registered it,
// and nobody was ever let in. Its links end with its version. An account that another transaction makes at the same time
// is not seen here: it counts as another one.
const IMPORT: Statement = {
  name: 'import',
  text: `with given as materialized (
      select * from jsonb_to_recordset($1::jsonb) as g ("line" integer, "email" text, "emailKey" text,
        "passwordHash" text, "emailVerified" boolean, "role" text, "createdAt" timestamptz, "disabled" boolean)
    ),
    made as (
      insert into {users} as u (email, email_key, password_hash, email_verified, role, created_at, disabled_at)
      select "email", "emailKey", "passwordHash", "emailVerified", "role", coalesce("createdAt", now()),
        case when "disabled" then now() end
      from given where not ${isReserved('"emailKey"')}
      -- In one order, so that two imports at once do not deadlock.
      order by "emailKey"
      on conflict (email_key) do update set email = excluded.email, password_hash = excluded.password_hash,
        email_verified = excluded.email_verified, role = excluded.role, created_at = excluded.created_at,
        disabled_at = excluded.disabled_at, pending = false, token_version = u.token_version + 1
      where u.pending and u.disabled_at is null
      returning email_key, role
    ),
    event as (${insertEvents(
      `jsonb_build_array(jsonb_build_object('type', 'USERS_IMPORTED', 'reason', concat(
        (select count(*) from made), ' accounts, ',
        (select count(*) from made where role = 'ADMIN'), ' of them administrators. ', $2::text)))`,
      'where exists (select from made)',
    )})
    select "line", u.id is not null and u.password_hash is not distinct from "passwordHash" as "isSame"
    from given left join {users} u on u.email_key = "emailKey"
    where not exists (select from made where email_key = "emailKey") order by "line"`,
};

/**
 * Makes accounts in one statement, with an event in the audit log. Returns those that it did not make.
 *
 * @param accounts with different emails
 * @param source where they come from, for the audit log
 */
export const importAccounts = (
  manager: EntityManager,
  accounts: readonly NewAccount[],
  source: string,
): Promise<Present[]> => runPrepared<Present>(manager, IMPORT, [JSON.stringify(accounts), source]);
