import type { EntityManager } from 'typeorm';
import type { AuditEvent, AuditEventType, NewAuditEvent } from '../core/account';
import { isId } from '../core/claims';
import type { AuditLog } from '../core/ports/truth';
import { decodeCursor, encodeCursor, notACursor, pageOf } from './cursor';
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

const COLUMNS = 'type, user_id, actor_id, session_id, reason, ip_address, user_agent, request_id';

/** Returns SQL that inserts an event; its columns are the parameters from number `first` on. */
export const insertEvent = (first: number) =>
  `insert into {audit_events} (${COLUMNS})
   values (${COLUMNS.split(', ')
     .map((_, i) => `$${first + i}`)
     .join(', ')})`;

export const columnsOf = (event: NewAuditEvent) => [
  event.type,
  event.userId,
  event.actorId,
  event.sessionId,
  event.reason,
  event.ipAddress,
  event.userAgent,
  event.requestId,
];

/** The exact time of an event: a `Date` has only milliseconds, and several events may share one. */
const MICROSECONDS = '(extract(epoch from e.created_at) * 1000000)::bigint';
const BEFORE_CURSOR = `(e.created_at, e.id) <
  (timestamptz 'epoch' + cast(:microseconds as bigint) * interval '1 microsecond', cast(:id as uuid))`;
const INSERT_ALL = `
  insert into {audit_events} (${COLUMNS}, created_at)
  select "type", "userId", "actorId", "sessionId", "reason", "ipAddress", "userAgent", "requestId",
    clock_timestamp() - "age" * interval '1 millisecond'
  from jsonb_to_recordset($1) as event ("type" text, "userId" uuid, "actorId" uuid, "sessionId" uuid,
    "reason" text, "ipAddress" text, "userAgent" text, "requestId" text, "age" double precision)`;

export function auditLogIn(manager: EntityManager): AuditLog {
  const events = manager.getRepository(AuditEventEntity);
  return {
    async append(event) {
      await run(manager, insertEvent(1), columnsOf(event));
    },

    async appendAll(all) {
      await run(manager, INSERT_ALL, [JSON.stringify(all)]);
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
        const [microseconds, id] = decodeCursor(after, 2);
        // A time in µs has 16 digits since 2001; a cursor of another list has ms, with fewer digits.
        if (!isId(id) || !/^\d{16}$/.test(microseconds ?? '')) throw notACursor();
        query.andWhere(BEFORE_CURSOR, { microseconds, id });
      }
      const { entities, raw } = await query.getRawAndEntities<{ microseconds: string }>();
      const rows = entities.map((row, i) => ({
        event: toAuditEvent(row),
        cursor: encodeCursor(raw[i]?.microseconds ?? '', row.id),
      }));
      const page = pageOf(rows, first, ({ cursor }) => cursor);
      return { ...page, items: page.items.map(({ node, cursor }) => ({ node: node.event, cursor })) };
    },
  };
}
