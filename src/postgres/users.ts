import { type EntityManager, In, IsNull } from 'typeorm';
import type { User } from '../core/account';
import { isId } from '../core/claims';
import { emailKey } from '../core/email';
import { conflict } from '../core/errors';
import type { Users } from '../core/ports/truth';
import { decodeCursor, encodeCursor, notACursor, pageOf } from './cursor';
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
const LOCK = `select id, email, email_key as "emailKey", password_hash as "passwordHash", role,
  token_version as "tokenVersion", disabled_at as "disabledAt", created_at as "createdAt"
  from {users} where id = $1 for`;
const LOCK_SHARED = `${LOCK} share`;
const LOCK_FOR_UPDATE = `${LOCK} update`;

const escapeLike = (text: string) => text.replace(/[\\%_]/g, (character) => `\\${character}`);

export function usersIn(manager: EntityManager): Users {
  const users = manager.getRepository(UserEntity);
  return {
    async findById(id) {
      const row = isId(id) ? await users.findOneBy({ id }) : null;
      return row ? toUser(row) : undefined;
    },

    async findByIds(ids) {
      const known = ids.filter(isId);
      return known.length > 0 ? (await users.findBy({ id: In(known) })).map(toUser) : [];
    },

    async findByEmail(email) {
      const row = await users.findOneBy({ emailKey: emailKey(email) });
      return row ? toUser(row) : undefined;
    },

    async lock(id, lock) {
      if (!isId(id)) return undefined;
      const [row] = await run<UserEntity[]>(manager, lock === 'share' ? LOCK_SHARED : LOCK_FOR_UPDATE, [id]);
      return row && toUser(row);
    },

    async insert({ email, passwordHash, role }) {
      try {
        const row = users.create({ email, emailKey: emailKey(email), passwordHash, role });
        await users.insert(row);
        return toUser(await users.findOneByOrFail({ id: row.id }));
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

    async setPasswordHash(id, passwordHash) {
      await users.update({ id }, { passwordHash });
    },

    async setDisabled(id, disabled) {
      await users.update({ id }, { disabledAt: disabled ? () => 'now()' : null });
    },

    async setRole(id, role) {
      await users.update({ id }, { role });
    },

    async delete(id) {
      await users.delete({ id });
    },

    async page({ first, after }, search) {
      const query = users
        .createQueryBuilder('u')
        .orderBy('u.createdAt', 'ASC')
        .addOrderBy('u.id', 'ASC')
        .take(first + 1);
      if (after !== undefined) {
        const [createdAt, id] = decodeCursor(after, 2);
        // Postgres has years for at most 15 digits of ms.
        if (!isId(id) || !/^\d{1,15}$/.test(createdAt ?? '')) throw notACursor();
        query.andWhere('(u.created_at, u.id) > (:time, :id)', { time: new Date(Number(createdAt)), id });
      }
      if (search !== undefined) {
        query.andWhere('u.email_key like :pattern', { pattern: `%${escapeLike(emailKey(search))}%` });
      }
      const rows = await query.getMany();
      return pageOf(rows.map(toUser), first, (user) => encodeCursor(user.createdAt.getTime(), user.id));
    },

    async lockAdministrators() {
      await manager.query('select pg_advisory_xact_lock($1)', [ADMINISTRATORS_LOCK]);
    },

    countEnabledAdministrators: () => users.countBy({ role: 'ADMIN', disabledAt: IsNull() }),
  };
}
