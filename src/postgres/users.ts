import { type EntityManager, IsNull } from 'typeorm';
import type { User } from '../core/account';
import { isId } from '../core/claims';
import { emailKey, emailPrefixKey } from '../core/email';
import { conflict } from '../core/errors';
import type { Page, PageRequest } from '../core/ports/truth';
import type { Users } from '../core/ports/truth';
import { decodeCursor, decodeEmailCursor, encodeCursor, encodeEmailCursor, pageOf } from './cursor';
import { UserEntity } from './entities/user.entity';
import { violatesUnique } from './faults';
import { type InJson, run, runPrepared, type Statement } from './tables';

/** An arbitrary number that identifies this advisory lock in the database. */
const ADMINISTRATORS_LOCK = 7_466_001;

/** A row of `USER_COLUMNS`. */
export interface UserRow {
  readonly user_id: string;
  readonly user_email: string;
  readonly user_email_verified: boolean;
  readonly user_pending: boolean;
  readonly user_password_hash: string | null;
  readonly user_role: User['role'];
  readonly user_token_version: number;
  readonly user_disabled_at: Date | null;
  readonly user_created_at: Date;
}

export const toUser = (row: UserRow | InJson<UserRow>): User => ({
  id: row.user_id,
  email: row.user_email,
  emailVerified: row.user_email_verified,
  pending: row.user_pending,
  passwordHash: row.user_password_hash ?? undefined,
  role: row.user_role,
  tokenVersion: row.user_token_version,
  disabled: row.user_disabled_at !== null,
  createdAt: new Date(row.user_created_at),
});

/** Named so that a join with another table has them too. */
export const USER_COLUMNS = `u.id as user_id, u.email as user_email, u.email_verified as user_email_verified,
  u.pending as user_pending, u.password_hash as user_password_hash, u.role as user_role, u.token_version as user_token_version, u.disabled_at as user_disabled_at,
  u.created_at as user_created_at`;

/**
 * SQL that says whether an email is kept for the account that had it before, in case that undoes the change.
 *
 * @param key an expression for the email's key
 * @param by an expression for the id of the account that wants it, if it exists
 */
export const isReserved = (key: string, by?: string) => `exists (
  select from {users} reserved where reserved.previous_email_key = ${key} and reserved.previous_email_until > now()
    ${by === undefined ? '' : `and reserved.id <> ${by}`})`;

/**
 * SQL that says whether a user is a registration that nobody verified. Anybody may have made it, so it keeps its email
 * from nobody. An invited account is none, and a disabled one is kept as it is.
 *
 * @param user a row of the table
 */
export const isPendingRegistration = (user: string) =>
  `(${user}.pending and ${user}.password_hash is not null and ${user}.disabled_at is null)`;

const RESERVED = `select where ${isReserved('$1')}`;

const SELECT = `select ${USER_COLUMNS} from {users} u`;
const BY_ID = `${SELECT} where u.id = $1`;
const BY_EMAIL: Statement = { name: 'by_email', text: `${SELECT} where u.email_key = $1` };

const REHASH: Statement = {
  name: 'rehash',
  text: 'update {users} set password_hash = $3 where id = $1 and password_hash = $2 returning id',
};

const OLDEST_FIRST = `${SELECT}
  where $1::timestamptz is null or (u.created_at, u.id) > ($1, $2::uuid)
  order by u.created_at, u.id limit $3`;

// The order is that of the index, so Postgres reads one page of users, however many have the prefix. The last character
// of Unicode ends the range: the collation compares bytes.
const BY_PREFIX = `select ${USER_COLUMNS}, u.email_key from {users} u
  where u.email_key >= $1 and u.email_key < $1 || chr(1114111) and ($2::text is null or u.email_key > $2)
  order by u.email_key limit $3`;

// The first condition is that of the index.
const OTHER_ROLES = `select role, count(*)::integer as count from {users}
  where role not in ('USER', 'ADMIN') and role <> all($1::text[]) group by role order by role`;

async function pageByPrefix(
  manager: EntityManager,
  { first, after }: PageRequest,
  prefix: string,
): Promise<Page<User>> {
  const last = after === undefined ? null : decodeEmailCursor(after);
  const rows = await run<(UserRow & { email_key: string })[]>(manager, BY_PREFIX, [prefix, last, first + 1]);
  return pageOf(
    rows.map((row) => ({ node: toUser(row), cursor: encodeEmailCursor(row.email_key) })),
    first,
  );
}

async function pageOfAll(manager: EntityManager, { first, after }: PageRequest): Promise<Page<User>> {
  // Postgres has years for at most 15 digits of ms.
  const [time, id] = after === undefined ? [] : decodeCursor(after, /^\d{1,15}$/);
  const place = [time === undefined ? null : new Date(Number(time)), id ?? null];
  const rows = await run<UserRow[]>(manager, OLDEST_FIRST, [...place, first + 1]);
  return pageOf(
    rows.map((row) => ({
      node: toUser(row),
      cursor: encodeCursor(row.user_created_at.getTime(), row.user_id),
    })),
    first,
  );
}

export const emailTaken = () => conflict('An account with this email already exists.');

export function usersIn(manager: EntityManager): Users {
  const users = manager.getRepository(UserEntity);

  const findOne = async (text: string, id: string) => {
    if (!isId(id)) return undefined;
    const [row] = await run<UserRow[]>(manager, text, [id]);
    return row && toUser(row);
  };

  return {
    findById: (id) => findOne(BY_ID, id),

    async findByIds(ids) {
      const known = ids.filter(isId);
      if (known.length === 0) return [];
      return (await run<UserRow[]>(manager, `${SELECT} where u.id = any($1::uuid[])`, [known])).map(toUser);
    },

    async findByEmail(email) {
      const [row] = await runPrepared<UserRow>(manager, BY_EMAIL, [emailKey(email)]);
      return row && toUser(row);
    },

    lock: (id) => findOne(`${BY_ID} for update`, id),

    async insert({ email, passwordHash, role, emailVerified = false }) {
      try {
        const [row] = await run<UserRow[]>(
          manager,
          `insert into {users} as u (email, email_key, password_hash, role, email_verified)
           select $1, $2, $3, $4, $5 where not ${isReserved('$2')} returning ${USER_COLUMNS}`,
          [email, emailKey(email), passwordHash, role, emailVerified],
        );
        // Looked up again: the insert may have waited for a change of email that reserved this one, and that its own
        // snapshot does not show.
        const [reserved] = await run<object[]>(manager, RESERVED, [emailKey(email)]);
        if (!row || reserved) throw emailTaken();
        return toUser(row);
      } catch (error) {
        throw violatesUnique(error, 'users_email_key_unique') ? emailTaken() : error;
      }
    },

    async change(id, { disabled, role }) {
      const disabledAt = disabled ? () => 'now()' : null;
      await users.update({ id }, { role, ...(disabled !== undefined && { disabledAt }) });
    },

    async rehash(id, before, after) {
      return (await runPrepared(manager, REHASH, [id, before, after])).length > 0;
    },

    async delete(id) {
      await users.delete({ id });
    },

    page(request, search = '') {
      const prefix = emailPrefixKey(search);
      return prefix === '' ? pageOfAll(manager, request) : pageByPrefix(manager, request, prefix);
    },

    async lockAdministrators() {
      await manager.query('select pg_advisory_xact_lock($1)', [ADMINISTRATORS_LOCK]);
    },

    countByRoleBesides: (known) => run<{ role: string; count: number }[]>(manager, OTHER_ROLES, [known]),

    countEnabledAdministrators: () => users.countBy({ role: 'ADMIN', disabledAt: IsNull(), pending: false }),
  };
}
