import { type EntityManager, In, IsNull } from 'typeorm';
import type { User } from '../core/account';
import { isId } from '../core/claims';
import { emailKey } from '../core/email';
import { conflict } from '../core/errors';
import type { Page, PageRequest } from '../core/ports/truth';
import type { Users } from '../core/ports/truth';
import { decodeCursor, encodeCursor, pageOf } from './cursor';
import { UserEntity } from './entities/user.entity';
import { violatesUnique } from './faults';
import { run } from './tables';

/** An arbitrary number that identifies this advisory lock in the database. */
const ADMINISTRATORS_LOCK = 7_466_001;

const toUser = (row: UserEntity): User => ({
  id: row.id,
  email: row.email,
  passwordHash: row.passwordHash,
  role: row.role,
  tokenVersion: row.tokenVersion,
  disabled: row.disabledAt !== null,
  createdAt: row.createdAt,
});

// Plain SQL, like all that a revocation runs: building the query would take longer than running it.
const COLUMNS = `id, email, email_key as "emailKey", password_hash as "passwordHash", role,
  token_version as "tokenVersion", disabled_at as "disabledAt", created_at as "createdAt"`;
const BY_ID = `select ${COLUMNS} from {users} where id = $1`;
const LOCK = { share: `${BY_ID} for share`, update: `${BY_ID} for update` };

const escapeLike = (text: string) => text.replace(/[\\%_]/g, (character) => `\\${character}`);

async function readPage(
  manager: EntityManager,
  { first, after }: PageRequest,
  search?: string,
): Promise<Page<User>> {
  const query = manager
    .createQueryBuilder(UserEntity, 'u')
    .orderBy('u.createdAt', 'ASC')
    .addOrderBy('u.id', 'ASC')
    .take(first + 1);
  if (after !== undefined) {
    // Postgres has years for at most 15 digits of ms.
    const [createdAt, id] = decodeCursor(after, /^\d{1,15}$/);
    query.andWhere('(u.created_at, u.id) > (:time, :id)', { time: new Date(Number(createdAt)), id });
  }
  if (search !== undefined) {
    query.andWhere('u.email_key like :pattern', { pattern: `%${escapeLike(emailKey(search))}%` });
  }
  const rows = await query.getMany();
  const items = rows.map((row) => ({
    node: toUser(row),
    cursor: encodeCursor(row.createdAt.getTime(), row.id),
  }));
  return pageOf(items, first);
}

export function usersIn(manager: EntityManager): Users {
  const users = manager.getRepository(UserEntity);

  const findOne = async (text: string, id: string) => {
    if (!isId(id)) return undefined;
    const [row] = await run<UserEntity[]>(manager, text, [id]);
    return row && toUser(row);
  };

  return {
    findById: (id) => findOne(BY_ID, id),

    async findByIds(ids) {
      const known = ids.filter(isId);
      return known.length > 0 ? (await users.findBy({ id: In(known) })).map(toUser) : [];
    },

    async findByEmail(email) {
      const row = await users.findOneBy({ emailKey: emailKey(email) });
      return row ? toUser(row) : undefined;
    },

    lock: (id, lock) => findOne(LOCK[lock], id),

    async insert({ email, passwordHash, role }) {
      try {
        const [row] = await run<[UserEntity]>(
          manager,
          `insert into {users} (email, email_key, password_hash, role) values ($1, $2, $3, $4) returning ${COLUMNS}`,
          [email, emailKey(email), passwordHash, role],
        );
        return toUser(row);
      } catch (error) {
        if (violatesUnique(error, 'users_email_key_unique'))
          throw conflict('An account with this email already exists.');
        throw error;
      }
    },

    async raiseTokenVersion(id) {
      const [rows] = await run<[{ token_version: number }[], number]>(
        manager,
        'update {users} set token_version = token_version + 1 where id = $1 returning token_version',
        [id],
      );
      if (!rows[0]) throw new Error('Lock the user before its version is raised.');
      return rows[0].token_version;
    },

    async change(id, { disabled, ...others }) {
      const disabledAt = disabled ? () => 'now()' : null;
      await users.update({ id }, { ...others, ...(disabled !== undefined && { disabledAt }) });
    },

    async delete(id) {
      await users.delete({ id });
    },

    page: (request, search) => readPage(manager, request, search),

    async lockAdministrators() {
      await manager.query('select pg_advisory_xact_lock($1)', [ADMINISTRATORS_LOCK]);
    },

    countEnabledAdministrators: () => users.countBy({ role: 'ADMIN', disabledAt: IsNull() }),
  };
}
