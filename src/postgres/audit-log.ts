import { type EntityManager, LessThan } from 'typeorm';
import type { AuditEvent, AuditEventType, NewAuditEvent } from '../core/account';
import { isId } from '../core/claims';
import type { AuditLog } from '../core/ports/truth';
import { decodeCursor, encodeCursor, notACursor, pageOf } from './cursor';
import { AuditEventEntity } from './entities/audit-event.entity';

const toAuditEvent = (row: AuditEventEntity): AuditEvent => ({
  id: row.id,
  type: row.type as AuditEventType,
  userId: row.userId ?? undefined,
  actorId: row.actorId ?? undefined,
  sessionId: row.sessionId ?? undefined,
  reason: row.reason ?? undefined,
  ipAddress: row.ipAddress ?? undefined,
  createdAt: row.createdAt,
});

/** Inserts the event whose columns are the parameters from this number on. */
export const insertEvent = (first: number) =>
  `insert into audit_events (type, user_id, actor_id, session_id, reason, ip_address)
   values (${[0, 1, 2, 3, 4, 5].map((i) => `$${first + i}`).join(', ')})`;

export const columnsOf = (event: NewAuditEvent) => [
  event.type,
  event.userId,
  event.actorId,
  event.sessionId,
  event.reason,
  event.ipAddress,
];

export function auditLogIn(manager: EntityManager): AuditLog {
  const events = manager.getRepository(AuditEventEntity);
  return {
    async append(event) {
      await manager.query(insertEvent(1), columnsOf(event));
    },

    async page({ first, after }, userId) {
      if (userId !== undefined && !isId(userId)) return { items: [], hasNextPage: false };
      let before: string | undefined;
      if (after !== undefined) {
        [before] = decodeCursor(after, 1);
        if (!/^\d{1,18}$/.test(before ?? '')) throw notACursor();
      }
      const rows = await events.find({
        where: {
          ...(userId !== undefined && { userId }),
          ...(before !== undefined && { id: LessThan(before) }),
        },
        order: { id: 'DESC' },
        take: first + 1,
      });
      return pageOf(rows.map(toAuditEvent), first, (event) => encodeCursor(event.id));
    },
  };
}
