import type { ClaimedMail } from '../../src/core/ports/mails';
import { compose, isMailbox, isMoot, longestWait } from '../../src/mail/compose';
import { deviceOf } from '../../src/mail/device';
import { OUR_TEMPLATES } from '../../src/mail/texts';
import { createPrintTransport } from '../../src/mail/print';

const LIFETIMES = { resetLinkTtl: 3600, verificationLinkTtl: 86_400, invitationLinkTtl: 604_800 };

const MAIL: ClaimedMail = {
  id: 'c0a80101-0000-4000-8000-000000000001',
  kind: 'password-reset',
  recipient: 'ada@example.com',
  userId: 'c0a80101-0000-4000-8000-000000000002',
  tokenVersion: 3,
  data: { userAgent: 'Mozilla/5.0 (Windows NT 10.0) Gecko/20100101 Firefox/140.0', ipAddress: '192.0.2.1' },
  createdAt: new Date('2026-11-26T08:10:00Z'),
  attempts: 1,
  isCurrent: true,
  canUndo: false,
  unanswered: false,
};

const made: unknown[] = [];
beforeEach(() => (made.length = 0));

const composed = (mail: Partial<ClaimedMail> = {}, options: { serviceName?: string } = {}) =>
  compose(
    { ...MAIL, ...mail },
    {
      templates: OUR_TEMPLATES,
      links: {
        make: (...all) => {
          made.push(all);
          return 'a.b.c';
        },
        read: () => Promise.resolve(undefined),
      },
      appUrl: 'https://app.example.com',
      serviceName: 'Acme & Sons',
      ...LIFETIMES,
      ...options,
    },
  );

test('a mail has the link of its row, and says when it ends and who asked', () => {
  const { subject, text, html, to, id } = composed();
  expect({ subject, to, id }).toEqual({
    subject: 'Reset your password for Acme & Sons',
    to: MAIL.recipient,
    id: MAIL.id,
  });
  expect(text).toContain('\nhttps://app.example.com/reset-password#token=a.b.c\n');
  expect(text).toContain('until 2026-11-26 09:10 UTC');
  expect(text).toContain(
    'Time: 2026-11-26 08:10 UTC. Device: Firefox on Windows. Network address: 192.0.2.1.',
  );
  expect(html).toContain('href="https://app.example.com/reset-password#token=a.b.c"');
  expect(html).toContain('Acme &amp; Sons');
  const { userId, tokenVersion, recipient: email, createdAt: issuedAt } = MAIL;
  expect(made).toEqual([
    [
      { purpose: 'reset-password', userId, tokenVersion, email },
      { issuedAt, lifetime: 3600 },
    ],
  ]);
});

test('a change of email has a link to undo it only for those who can', () => {
  const mail = { kind: 'email-changed', data: { newEmail: 'new@example.com' } } as const;
  expect(composed({ ...mail, canUndo: true }).text).toContain('/confirm-email#token=a.b.c');
  expect(made).toMatchObject([[{ purpose: 'undo-email' }, { lifetime: 7 * 86_400 }]]);
  const { text } = composed(mail);
  expect(text).not.toContain('token');
  expect(text).toContain('from ada@example.com to new@example.com');
  expect(made).toHaveLength(1);
});

test('line breaks and hidden characters in what a mail says become spaces', () => {
  const data = { newEmail: 'b@example.com\r\nBcc: c@example.com\u2028\u202e', userAgent: 'a\r\nBcc: x' };
  const { subject, text, html } = composed(
    { kind: 'email-change-requested', data: { ...data, ipAddress: '1.2.3.4\r\nBcc: x' } },
    { serviceName: 'Acme\r\nBcc: c@example.com\r\n\r\n' },
  );
  expect(subject).toBe('Your email for Acme Bcc: c@example.com is about to change');
  for (const each of [text, html]) {
    expect(each).toContain('b@example.com Bcc: c@example.com');
    expect(each).not.toMatch(/\r|\u202e|\u2028|^Bcc/m);
    expect(each).toContain('Network address: unknown');
  }
});

test.each([
  ['ada@example.com', true],
  ['"ada lovelace"@example.com', true],
  ['ä@bücher.example', true],
  ['a@example.com\r\nBcc: b@example.com', false],
  ['a@example.com\u2028', false],
  ['a@example.com, b@example.com', false],
  ['a@example.com;b@example.com', false],
  ['<a@example.com>', false],
  ['Ada <a@example.com>', false],
  ['a b@example.com', false],
  ['no address', false],
  [`${'a'.repeat(310)}@example.com`, false],
])('whether %j is one mailbox: %s', (address, isOne) => {
  expect(isMailbox(address)).toBe(isOne);
});

test('a device is named in our words: no text of a stranger gets into a mail', () => {
  const chrome = 'AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0';
  for (const [userAgent, device] of [
    [undefined, 'unknown'],
    ['', 'unknown'],
    [`Mozilla/5.0 (X11; Linux x86_64) ${chrome} Safari/537.36`, 'Chrome on Linux'],
    [`Mozilla/5.0 (Windows NT 10.0) ${chrome} Safari/537.36 Edg/131.0.0.0`, 'Edge on Windows'],
    [
      'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Mobile Safari/604.1',
      'Safari on iPhone',
    ],
    [`Mozilla/5.0 (Linux; Android 14) ${chrome} Mobile Safari/537.36`, 'Chrome on Android'],
    ['curl/8.14.1', 'curl'],
    ['node', 'node'],
    ['Call 0900 123, or see http://evil.example', 'unknown'],
    ['evil.example/1.0', 'unknown'],
    ['<script>/1', 'unknown'],
  ] as const)
    expect([userAgent, deviceOf(userAgent)]).toEqual([userAgent, device]);
});

test('a link that would be refused is not sent, a notice is', () => {
  const stale = { ...MAIL, isCurrent: false };
  for (const kind of ['password-reset', 'email-verification', 'email-change', 'invitation'] as const)
    expect([kind, isMoot({ ...stale, kind })]).toEqual([kind, true]);
  for (const kind of ['email-changed', 'password-changed', 'new-device', 'account-exists'] as const)
    expect([kind, isMoot({ ...stale, kind })]).toEqual([kind, false]);
  expect(isMoot(MAIL)).toBe(false);
});

test('a mail waits a day, or as long as its link is good', () => {
  const hours = (kind: ClaimedMail['kind']) => longestWait({ kind }, LIFETIMES) / 3_600_000;
  expect([hours('password-reset'), hours('invitation'), hours('new-device')]).toEqual([1, 24, 24]);
});

test('a kind of mail that a newer version wrote is left to that version', () => {
  expect(() => composed({ kind: 'made-up' as never })).toThrow('This version does not know');
});

test('a printed mail has its link on a line of its own, and no control characters', async () => {
  let printed = '';
  const transport = createPrintTransport((text) => (printed += text));
  const message = composed({ kind: 'invitation' }, { serviceName: 'Acme\u001b[2J' });
  expect(await transport.send(message, new AbortController().signal)).toEqual({ sent: true });
  expect(printed).toContain('Mail to ada@example.com\nSubject: You are invited to Acme [2J\n');
  expect(printed).toMatch(/^https:\/\/app.example.com\/accept-invitation#token=a.b.c$/m);
  expect(printed).not.toContain('\u001b');
});
