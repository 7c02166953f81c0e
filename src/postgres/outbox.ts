import type { EntityManager } from 'typeorm';
import type { ClaimedMail, Outbox } from '../core/ports/mails';
import { insertEvents, toJson } from './audit-log';
import { runPrepared, type Statement } from './tables';

// Two nodes that claim at once get different mails: each skips the rows that the other has locked, and Postgres reads a
// row again that was changed before the lock. The new time of the next attempt is the lease. The number of the attempt
// names the claim, so that a node which lost it can change nothing.
const CLAIM: Statement = {
  name: 'claim_mails',
  text: `with due as materialized (
      select id from {mails} where next_attempt_at <= clock_timestamp()
      order by next_attempt_at limit $1 for update skip locked
    )
    update {mails} m
    set attempts = m.attempts + 1, next_attempt_at = clock_timestamp() + $2 * interval '1 millisecond'
    from due where m.id = due.id
    returning m.id, m.kind, m.recipient, m.user_id, m.token_version, m.data, m.created_at, m.attempts, m.unanswered,
      exists (select from {users} u where u.id = m.user_id and u.disabled_at is null
        and u.token_version = m.token_version) as is_current,
      exists (select from {users} u where u.id = m.user_id and u.disabled_at is null
        and u.previous_email = m.recipient and u.previous_email_version = m.token_version
        and u.previous_email_until > clock_timestamp()) as can_undo`,
};

interface ClaimedRow {
  readonly id: string;
  readonly kind: ClaimedMail['kind'];
  readonly recipient: string;
  readonly user_id: string | null;
  readonly token_version: number | null;
  readonly data: ClaimedMail['data'];
  readonly created_at: Date;
  readonly attempts: number;
  readonly unanswered: boolean;
  readonly is_current: boolean;
  readonly can_undo: boolean;
}

const toClaimedMail = (row: ClaimedRow): ClaimedMail => ({
  id: row.id,
  kind: row.kind,
  recipient: row.recipient,
  userId: row.user_id ?? undefined,
  tokenVersion: row.token_version ?? undefined,
  data: row.data,
  createdAt: row.created_at,
  attempts: row.attempts,
  isCurrent: row.is_current,
  canUndo: row.can_undo,
  unanswered: row.unanswered,
});

const REMOVE: Statement = {
  name: 'remove_mail',
  text: 'delete from {mails} where id = $1 and attempts = $2 returning id',
};

const RETRY: Statement = {
  name: 'retry_mail',
  text: `update {mails} set next_attempt_at = clock_timestamp() + $3 * interval '1 millisecond',
      unanswered = unanswered or $4
    where id = $1 and attempts = $2 returning id`,
};

const GIVE_UP: Statement = {
  name: 'give_up_mail',
  text: `with gone as (delete from {mails} where id = $1 and attempts = $2 returning id),
    event as (${insertEvents('jsonb_build_array($3::jsonb)', 'where exists (select from gone)')})
    select id from gone`,
};

const OLDEST: Statement = { name: 'oldest_mail', text: 'select min(created_at) as oldest from {mails}' };

export const outboxIn = (manager: EntityManager): Outbox => ({
  async claim(limit, lease) {
    return (await runPrepared<ClaimedRow>(manager, CLAIM, [limit, lease])).map(toClaimedMail);
  },

  async remove({ id, attempts }) {
    await runPrepared(manager, REMOVE, [id, attempts]);
  },

  async retry({ id, attempts }, delay, unanswered) {
    await runPrepared(manager, RETRY, [id, attempts, delay, unanswered]);
  },

  async giveUp({ id, attempts, kind, userId }, reason) {
    const event = { type: 'MAIL_GIVEN_UP', userId, reason: `${kind}: ${reason}` } as const;
    await runPrepared(manager, GIVE_UP, [id, attempts, toJson(event)]);
  },

  async oldest() {
    const [row] = await runPrepared<{ oldest: Date | null }>(manager, OLDEST, []);
    return row?.oldest ?? undefined;
  },
});
