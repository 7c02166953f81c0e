import { randomUUID } from 'node:crypto';
import { outboxIn } from '../../src/postgres/outbox';
import { sharedDataSource } from '../support/data-source';
import { sharedNodes, sharedWorld } from '../support/shared';

const world = sharedWorld();
const [node] = sharedNodes(world, {});

const dataSource = sharedDataSource(world, 8);
beforeEach(() => world.sql('delete from mails'));

const outbox = () => outboxIn(dataSource().manager);
const LEASE = 60_000;

interface Row {
  readonly id?: string;
  readonly recipient?: string;
  readonly userId?: string;
  readonly tokenVersion?: number;
}

async function write({ id = randomUUID(), recipient = 'ada@example.com', userId, tokenVersion }: Row = {}) {
  await world.sql(
    `insert into mails (id, kind, recipient, user_id, token_version) values ($1, 'email-changed', $2, $3, $4)`,
    [id, recipient, userId ?? null, tokenVersion ?? null],
  );
  return id;
}

const endLeases = () => world.sql(`update mails set next_attempt_at = now() - interval '1 s'`);
const count = async () => (await world.sql<{ n: number }>('select count(*)::int as n from mails'))[0]?.n;

test('claims at the same time never get the same mail', async () => {
  for (let i = 0; i < 40; i++) await write();
  const claims = await Promise.all(Array.from({ length: 16 }, () => outbox().claim(3, LEASE)));
  const ids = claims.flat().map(({ id }) => id);
  expect(new Set(ids).size).toBe(ids.length);
  const rest = await outbox().claim(100, LEASE);
  expect(new Set([...ids, ...rest.map(({ id }) => id)]).size).toBe(40);
  expect(await outbox().claim(100, LEASE)).toEqual([]);
});

test('a mail whose lease has ended is claimed again, and the first claim can change nothing', async () => {
  const id = await write();
  const [first] = await outbox().claim(1, LEASE);
  await endLeases();
  const [second] = await outbox().claim(1, LEASE);
  expect([first?.attempts, second?.attempts]).toEqual([1, 2]);
  await outbox().remove(first!);
  await outbox().retry(first!, -1000, true);
  await outbox().giveUp(first!, 'late');
  expect(await count()).toBe(1);
  expect(await outbox().claim(1, LEASE)).toEqual([]);
  expect(await world.sql(`select 1 from audit_events where type = 'MAIL_GIVEN_UP'`)).toEqual([]);
  await outbox().remove(second!);
  expect(await count()).toBe(0);
  expect(id).toBe(first?.id);
});

test('a mail is claimed again after its delay, and remembers an attempt without an answer', async () => {
  await write();
  const [first] = await outbox().claim(1, LEASE);
  expect(first?.unanswered).toBe(false);
  await outbox().retry(first!, 60_000, true);
  expect(await outbox().claim(1, LEASE)).toEqual([]);
  await endLeases();
  const [second] = await outbox().claim(1, LEASE);
  await outbox().retry(second!, -1, false);
  const [third] = await outbox().claim(1, LEASE);
  expect(third).toMatchObject({ attempts: 3, unanswered: true });
});

test('a mail that is given up is gone, with one event', async () => {
  const { user } = await node.api.newUser();
  await write({ userId: user.id });
  const [mail] = await outbox().claim(1, LEASE);
  await outbox().giveUp(mail!, 'refused');
  await outbox().giveUp(mail!, 'refused');
  expect(await count()).toBe(0);
  expect(
    await world.sql(`select reason from audit_events where type = 'MAIL_GIVEN_UP' and user_id = $1`, [
      user.id,
    ]),
  ).toEqual([{ reason: 'email-changed: refused' }]);
});

test('a claim says whether links of the mail would be accepted', async () => {
  const { user } = await node.api.newUser();
  const claimed = async () => {
    await endLeases();
    const [mail] = await outbox().claim(1, LEASE);
    return [mail?.isCurrent, mail?.canUndo];
  };
  await write({ userId: user.id, tokenVersion: 1, recipient: 'Before@example.com' });
  expect(await claimed()).toEqual([true, false]);
  const keep = (until: string, version = 1) =>
    world.sql(
      `update users set token_version = 2, previous_email = 'Before@example.com', previous_email_version = $3,
         previous_email_until = now() + $2::interval where id = $1`,
      [user.id, until, version],
    );
  await keep('1 day');
  expect(await claimed()).toEqual([false, true]);
  await keep('-1 s');
  expect(await claimed()).toEqual([false, false]);
  await keep('1 day', 2);
  expect(await claimed()).toEqual([false, false]);
  await keep('1 day');
  await world.sql('update users set token_version = 1, disabled_at = now() where id = $1', [user.id]);
  expect(await claimed()).toEqual([false, false]);
});

test('the oldest mail is known by when it was written', async () => {
  expect(await outbox().oldest()).toBeUndefined();
  await write();
  await world.sql(`update mails set created_at = '2026-01-01T00:00:00Z'`);
  await write();
  expect(await outbox().oldest()).toEqual(new Date('2026-01-01T00:00:00Z'));
});
