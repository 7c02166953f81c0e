import type { Session } from '../core/account';
import type { SessionState, SessionUse } from '../core/ports/sessions';
import type { SessionEntity } from './entities/session.entity';
import { FLEET_COLUMNS, type FleetRow, toFleet } from './fleet';
import type { InJson } from './tables';
import { toUser, USER_COLUMNS, type UserRow } from './users';

export type SessionRow = Omit<SessionEntity, 'generation' | 'rotatedAt' | 'salt' | 'purgeOn' | 'user'>;

export const toSession = (row: SessionRow | InJson<SessionRow>): Session => ({
  id: row.id,
  userId: row.userId,
  tokenVersion: row.tokenVersion,
  globalVersion: row.globalVersion,
  usesCookie: row.usesCookie,
  userAgent: row.userAgent ?? undefined,
  ipAddress: row.ipAddress ?? undefined,
  createdAt: new Date(row.createdAt),
  authenticatedAt: new Date(row.authenticatedAt),
  lastUsedAt: new Date(row.lastUsedAt),
  expiresAt: new Date(row.expiresAt),
  idleExpiresAt: new Date(row.idleExpiresAt),
  endedAt: row.endedAt === null ? undefined : new Date(row.endedAt),
});

export const COLUMNS = `s.id, s.user_id as "userId", s.token_version as "tokenVersion",
  s.global_version as "globalVersion", s.uses_cookie as "usesCookie", s.user_agent as "userAgent",
  s.ip_address as "ipAddress", s.created_at as "createdAt", s.authenticated_at as "authenticatedAt", s.last_used_at as "lastUsedAt",
  s.idle_expires_at as "idleExpiresAt", s.expires_at as "expiresAt", s.ended_at as "endedAt"`;

/**
 * Everything that the new tokens of a session need, in one column: pg spends more time on thirty columns than Postgres on
 * making JSON of them. The names of the user's columns begin with `user_`.
 */
export const STATE = `(select to_json(state) from (
    select ${COLUMNS}, s.generation, encode(s.salt, 'hex') as salt, ${USER_COLUMNS}, ${FLEET_COLUMNS}
  ) as state) as state`;

/** A row of `STATE`. */
export interface StateRow {
  readonly state: InJson<SessionRow & UserRow & FleetRow> & {
    readonly generation: number;
    /** In hexadecimal. */
    readonly salt: string;
  };
}

export const toState = ({ state }: StateRow): SessionState => ({
  user: toUser(state),
  session: toSession(state),
  generation: state.generation,
  salt: Buffer.from(state.salt, 'hex'),
  fleet: toFleet(state),
});

/** The SQL form of `isLive` in core/account.ts, but for the user's version. */
export const UNEXPIRED = `s.ended_at is null and s.idle_expires_at > now() and s.expires_at > now()
  and s.global_version = (select global_version from {fleet})`;

/** A week after it expires, a session may be deleted: until then a second logout finds it, and its network is known. */
const PURGE_ON = (idleEnd: string) => `(${idleEnd} + interval '8 days')::date`;

/** Assigns a use; its parameters are the time, the seconds until the session expires without one, user agent and address. */
export const useColumns = (first: number) => {
  const idleEnd = `least(s.expires_at, $${first}::timestamptz + $${first + 1} * interval '1 second')`;
  return `last_used_at = $${first}, idle_expires_at = ${idleEnd}, purge_on = ${PURGE_ON(idleEnd)},
    user_agent = $${first + 2}, ip_address = $${first + 3}`;
};
export const valuesOf = ({ usedAt, idleTtl, userAgent, ipAddress }: SessionUse) => [
  usedAt,
  idleTtl,
  userAgent ?? null,
  ipAddress ?? null,
];

/**
 * Returns SQL that inserts a session. The statement must have the parts `u`, the row of the user with the version that
 * the session lives under, `f`, the row of `fleet`, and `clock`, the time `now`.
 *
 * @param at the numbers of its parameters; those of the use are four, as in `valuesOf`
 */
export const insertSession = (at: Record<'use' | 'id' | 'salt' | 'usesCookie' | 'expiresAt', number>) => `
  insert into {sessions} as s (id, user_id, token_version, global_version, rotated_at, salt, uses_cookie,
    user_agent, ip_address, created_at, authenticated_at, last_used_at, idle_expires_at, expires_at, purge_on)
  select $${at.id}, u.id, u.token_version, f.global_version, clock.now, $${at.salt}, $${at.usesCookie},
    $${at.use + 2}, $${at.use + 3}, $${at.use}, clock.now, $${at.use}, idle.ends_at, $${at.expiresAt}, ${PURGE_ON('idle.ends_at')}
  from u, f, clock, (
    select least($${at.expiresAt}::timestamptz, $${at.use}::timestamptz + $${at.use + 1} * interval '1 second') as ends_at
  ) as idle
  returning *`;

/** SQL for a session that is live at the time of its use, which is the parameter of this number. */
export const liveAt = (time: number) => `s.ended_at is null
  and s.idle_expires_at > $${time}::timestamptz and s.expires_at > $${time}::timestamptz
  and u.id = s.user_id and u.disabled_at is null
  and s.token_version = u.token_version and s.global_version = f.global_version`;
