import type { EntityManager } from 'typeorm';
import type { AuditEvent, AuditEventType } from '../core/account';
import { isId } from '../core/claims';
import type { AuditLog } from '../core/ports/truth';
import { decodeCursor, encodeCursor, pageOf } from './cursor';
import { AuditEventEntity } from './entities/audit-event.entity';
import { run } from './tables';

const toAuditEvent = (row: AuditEventEntity): AuditEvent => ({
  id: row.id,
  type: row.type as AuditEventType,
  userId: row.userId ?? undefined,
  actorId: row.actorId ?? undefined,
  sessionId: row.sessionId ?? undefined,
  reason: row.reason ?? undefined,
  ipAddress: row.ipAddress ?? undefined,
  userAgent: row.userAgent ?? undefined,
  requestId: row.requestId ?? undefined,
  createdAt: row.createdAt,
});

/**
 * Returns SQL that inserts events.
 *
 * @param events an expression for a JSON array of them
 * @param condition what must hold, if anything
 */
export const insertEvents = (events: string, condition = '') => `
  insert into {audit_events}
    (type, user_id, actor_id, session_id, reason, ip_address, user_agent, request_id, created_at)
  select "type", "userId", "actorId", "sessionId", "reason", "ipAddress", "userAgent", "requestId",
    clock_timestamp() - coalesce("age", 0) * interval '1 millisecond'
  from jsonb_to_recordset(${events}) as event ("type" text, "userId" uuid, "actorId" uuid, "sessionId" uuid,
    "reason" text, "ipAddress" text, "userAgent" text, "requestId" text, "age" double precision)
  ${condition}`;

/** Writes events as JSON for `insertEvents`. Postgres refuses half of a surrogate pair, which a reason may contain. */
export const toJson = (events: object): string =>
  JSON.stringify(events, (_, value: unknown) => (typeof value === 'string' ? value.toWellFormed() : value));

/** The exact time of an event: a `Date` has only milliseconds, and several events may share one. */
const MICROSECONDS = '(extract(epoch from e.created_at) * 1000000)::bigint';
const BEFORE_CURSOR = `(e.created_at, e.id) <
  (timestamptz 'epoch' + cast(:microseconds as bigint) * interval '1 microsecond', cast(:id as uuid))`;

export function auditLogIn(manager: EntityManager): AuditLog {
  const events = manager.getRepository(AuditEventEntity);
  return {
    async append(event) {
      await run(manager, insertEvents('jsonb_build_array($1::jsonb)'), [toJson(event)]);
    },

    async appendAll(all) {
      await run(manager, insertEvents('$1::jsonb'), [toJson(all)]);
    },

    async page({ first, after }, userId) {
      if (userId !== undefined && !isId(userId)) return { items: [], hasNextPage: false };
      const query = events
        .createQueryBuilder('e')
        .addSelect(MICROSECONDS, 'microseconds')
        .orderBy('e.createdAt', 'DESC')
        .addOrderBy('e.id', 'DESC')
        .limit(first + 1);
      if (userId !== undefined) query.andWhere('e.user_id = :userId', { userId });
      if (after !== undefined) {
        // A time in µs has 16 digits since 2001; a cursor of another list has ms, with fewer digits.
        const [microseconds, id] = decodeCursor(after, /^\d{16}$/);
        query.andWhere(BEFORE_CURSOR, { microseconds, id });
      }
      const { entities, raw } = await query.getRawAndEntities<{ microseconds: string }>();
      const items = entities.map((row, i) => ({
        node: toAuditEvent(row),
        cursor: encodeCursor(raw[i]?.microseconds ?? '', row.id),
      }));
      return pageOf(items, first);
    },
  };
}
