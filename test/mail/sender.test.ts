import { setTimeout as sleep } from 'node:timers/promises';
import type { ClaimedMail, MailMessage, Outbox, Sending } from '../../src/core/ports/mails';
import { LEASE, startMailSender } from '../../src/mail/sender';
import { eventually } from '../support/eventually';

const NOW = Date.parse('2026-11-26T08:10:00Z');
const LIFETIMES = { resetLinkTtl: 3600, verificationLinkTtl: 86_400, invitationLinkTtl: 604_800 };
const AWAY: Sending = { sent: false, fault: 'away', reason: 'nobody there' };
const TEMPORARY: Sending = { sent: false, fault: 'temporary', reason: 'greylisted' };
const PERMANENT: Sending = { sent: false, fault: 'permanent', reason: 'no such mailbox' };
const UNANSWERED: Sending = { sent: false, fault: 'unanswered', reason: 'silence' };

const mailOf = (id: string, mail: Partial<ClaimedMail> = {}): ClaimedMail => ({
  id,
  kind: 'new-device',
  recipient: 'ada@example.com',
  userId: 'c0a80101-0000-4000-8000-000000000002',
  tokenVersion: 1,
  data: {},
  createdAt: new Date(NOW),
  attempts: 1,
  isCurrent: true,
  canUndo: false,
  unanswered: false,
  ...mail,
});

/** A sender with an outbox and a mail server that the test plays. The time stands still until the test moves it. */
function newSender(send: (id: string, signal: AbortSignal) => Sending | Promise<Sending>) {
  const waiting: ClaimedMail[] = [];
  const did: string[] = [];
  const lines: unknown[] = [];
  const state = { now: NOW, monotonic: 0, removeFails: false, onClaim: (): unknown => undefined };
  const outbox: Outbox = {
    claim(limit, lease) {
      expect(lease).toBe(LEASE);
      const claimed = waiting.splice(0, limit);
      state.onClaim();
      return Promise.resolve(claimed);
    },
    remove({ id }) {
      if (state.removeFails) return Promise.reject(new Error('away'));
      did.push(`remove ${id}`);
      return Promise.resolve();
    },
    retry({ id }, delay, unanswered) {
      did.push(`retry ${id} after ${Math.round(delay)}${unanswered ? ' unanswered' : ''}`);
      return Promise.resolve();
    },
    giveUp({ id }, reason) {
      did.push(`give up ${id}: ${reason}`);
      return Promise.resolve();
    },
    oldest: () => Promise.resolve(undefined),
  };
  const log = (details: object, message: string) => void lines.push({ ...details, message });
  const sender = startMailSender({
    outbox,
    transport: {
      send: async ({ id }, signal) => {
        did.push(`send ${id}`);
        return send(id, signal);
      },
    },
    compose: ({ id }) => ({ id }) as MailMessage,
    lifetimes: LIFETIMES,
    clock: { now: () => state.now, monotonic: () => state.monotonic },
    metrics: {
      mailSent: (kind) => void did.push(`count sent ${kind}`),
      mailRetried: (kind) => void did.push(`count retried ${kind}`),
      mailGivenUp: (kind) => void did.push(`count given up ${kind}`),
    },
    logger: { debug: log, info: log, warn: log, error: log },
    availability: {
      worked: () => undefined,
      failed: (reason) => void did.push(`away: ${reason}`),
    },
    random: () => 0.5,
  });
  running.push(sender);
  return {
    ...sender,
    stop: () => sender.stop(),
    state,
    did,
    lines,
    waiting,
    async write(...mails: ClaimedMail[]) {
      waiting.push(...mails);
      sender.wake();
      await eventually(() => expect(waiting).toEqual([]));
    },
    wake: () => sender.wake(),
    says: (...steps: unknown[]) => eventually(() => expect(did).toEqual(steps), 5000),
  };
}

const running: { stop(): Promise<void> }[] = [];
afterEach(async () => {
  for (const sender of running.splice(0)) await sender.stop();
});

test('a mail is sent once, then removed and counted', async () => {
  const sender = newSender(() => ({ sent: true }));
  await sender.write(mailOf('a'));
  await sender.says('send a', 'count sent new-device', 'remove a');
});

test('a mail that nobody needs is removed unsent', async () => {
  const sender = newSender(() => ({ sent: true }));
  await sender.write(
    mailOf('a', { kind: 'password-reset', isCurrent: false, userId: undefined, tokenVersion: undefined }),
  );
  await sender.says('remove a');
});

test('a mail to what is no address is given up unsent', async () => {
  const sender = newSender(() => ({ sent: true }));
  await sender.write(mailOf('a', { recipient: 'a@example.com\r\nBcc: b@example.com' }));
  await sender.says('give up a: the recipient is no address', 'count given up new-device');
});

test('the time between attempts doubles, up to an hour', async () => {
  const sender = newSender(() => TEMPORARY);
  for (const [attempts, delay] of [
    [1, 5000],
    [2, 10_000],
    [5, 80_000],
    [10, 2_560_000],
    [11, 3_600_000],
    [1000, 3_600_000],
  ] as const) {
    sender.did.length = 0;
    await sender.write(mailOf('a', { attempts }));
    await sender.says('send a', 'count retried new-device', `retry a after ${delay}`);
  }
  sender.did.length = 0;
  await sender.write(mailOf('reset', { kind: 'password-reset', attempts: 1000 }));
  await sender.says('send reset', 'count retried password-reset', 'retry reset after 360000');
});

test('a mail is given up after a day, or when its link has ended', async () => {
  const sender = newSender(() => TEMPORARY);
  sender.state.now = NOW + 3_600_000 - 1;
  await sender.write(mailOf('a', { kind: 'password-reset' }));
  await sender.says('send a', 'count retried password-reset', 'retry a after 5000');
  sender.did.length = 0;
  sender.state.now += 1;
  await sender.write(mailOf('a', { kind: 'password-reset' }));
  await sender.says('give up a: not sent in time', 'count given up password-reset');
  sender.did.length = 0;
  sender.state.now = NOW + 86_400_000 - 1;
  await sender.write(mailOf('b'));
  await sender.says('send b', 'count retried new-device', 'retry b after 5000');
  sender.did.length = 0;
  sender.state.now += 1;
  await sender.write(mailOf('b'));
  await sender.says('give up b: not sent in time', 'count given up new-device');
});

test('a mail that is refused for good is given up at once', async () => {
  const sender = newSender(() => PERMANENT);
  await sender.write(mailOf('a'));
  await sender.says('send a', 'give up a: no such mailbox', 'count given up new-device');
});

test('a mail without an answer is sent once more, and not a third time', async () => {
  const sender = newSender(() => UNANSWERED);
  await sender.write(mailOf('a'));
  await sender.says('send a', 'count retried new-device', 'retry a after 5000 unanswered');
  sender.did.length = 0;
  await sender.write(mailOf('a', { attempts: 2, unanswered: true }));
  await sender.says('send a', 'give up a: sent twice, no answer: silence', 'count given up new-device');
});

test('while the mail server is away nothing is claimed, then one mail tries it', async () => {
  let answer: Sending = AWAY;
  const sender = newSender(() => answer);
  await sender.write(mailOf('a'), mailOf('b'));
  await sender.says(
    'send a',
    'send b',
    'away: nobody there',
    'count retried new-device',
    'retry a after 5000',
    'away: nobody there',
    'count retried new-device',
    'retry b after 5000',
  );
  sender.did.length = 0;
  sender.waiting.push(mailOf('a', { attempts: 2 }), mailOf('b', { attempts: 2 }), mailOf('c'));
  sender.wake();
  await sleep(400);
  expect(sender.did).toEqual([]);
  // The pause is over: one probe, and a longer pause.
  sender.state.monotonic += 5000;
  sender.wake();
  await sender.says('send a', 'away: nobody there', 'count retried new-device', 'retry a after 10000');
  sender.did.length = 0;
  answer = { sent: true };
  sender.state.monotonic += 10_000;
  sender.wake();
  await eventually(() => expect(sender.did.filter((step) => step.startsWith('remove'))).toHaveLength(2));
});

test('the pauses before a mail server that is away end at a minute', async () => {
  const sender = newSender(() => AWAY);
  const pauses: string[] = [];
  for (let i = 0; i < 7; i++) {
    sender.did.length = 0;
    await sender.write(mailOf('a'));
    await eventually(() => expect(sender.did).toHaveLength(4));
    pauses.push(sender.did[3] ?? '');
    sender.state.monotonic += 60_000;
  }
  expect(pauses.map((pause) => Number(pause.split(' ').at(-1)))).toEqual([
    5000, 10_000, 20_000, 40_000, 60_000, 60_000, 60_000,
  ]);
});

test('a mail that was sent but not removed is removed later, and not sent again', async () => {
  const sender = newSender(() => ({ sent: true }));
  sender.state.removeFails = true;
  await sender.write(mailOf('a'));
  await sender.says('send a', 'count sent new-device');
  sender.state.removeFails = false;
  sender.wake();
  await sender.says('send a', 'count sent new-device', 'remove a');
});

test('a process that was paused after its claim leaves the mail to the next one', async () => {
  const sender = newSender(() => ({ sent: true }));
  sender.state.onClaim = () => void (sender.state.now += LEASE);
  await sender.write(mailOf('a'));
  await sleep(100);
  expect(sender.did).toEqual([]);
});

test('a few mails are under way at once, and the others follow', async () => {
  let most = 0;
  let underWay = 0;
  const sender = newSender(async () => {
    most = Math.max(most, ++underWay);
    await sleep(20);
    underWay -= 1;
    return { sent: true };
  });
  await sender.write(...Array.from({ length: 20 }, (_, i) => mailOf(String(i))));
  await eventually(() => expect(sender.did.filter((step) => step.startsWith('remove'))).toHaveLength(20));
  expect(most).toBe(4);
});

test('a stop lets an attempt end, and claims nothing more', async () => {
  const sender = newSender(async () => {
    await sleep(300);
    return { sent: true };
  });
  await sender.write(mailOf('a'));
  await sender.stop();
  expect(sender.did).toEqual(['send a', 'count sent new-device', 'remove a']);
  sender.waiting.push(mailOf('b'));
  sender.wake();
  await sleep(400);
  expect(sender.waiting).toHaveLength(1);
});

test('a stop cuts off an attempt that takes long, and leaves it to its lease', async () => {
  const sender = newSender(
    (_id, signal) =>
      new Promise((resolve) => signal.addEventListener('abort', () => resolve(UNANSWERED), { once: true })),
  );
  await sender.write(mailOf('a'));
  const began = Date.now();
  await sender.stop();
  expect(Date.now() - began).toBeLessThan(8000);
  expect(sender.did).toEqual(['send a']);
});
