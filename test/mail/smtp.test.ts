import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { SMTPServerOptions } from 'smtp-server';
import type { MailMessage } from '../../src/core/ports/mails';
import { createSmtpTransport, type SmtpOptions } from '../../src/mail/smtp';
import { eventually } from '../support/eventually';
import { type MailServer, startMailServer } from '../support/mail-server';

const LINK = 'https://app.example.com/reset-password#token=aaaa.bbbb.cccc';

const MESSAGE: MailMessage = {
  id: 'c0a80101-0000-4000-8000-000000000001',
  to: 'ada@example.com',
  subject: 'Zurück?',
  text: `Grüße\n${LINK}\n`,
  html: `<p>Grüße</p><a href="${LINK}">Go</a>`,
};

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function mailServer(options: SMTPServerOptions = {}): Promise<MailServer> {
  const server = await startMailServer(options);
  closing.push(() => server.close());
  return server;
}

const transportTo = (url: string, options: Partial<SmtpOptions> = {}) =>
  createSmtpTransport({
    url,
    from: { name: 'Acme, "Inc"', address: 'no-reply@acme.example' },
    domain: 'app.example.com',
    ...options,
  });

const send = (url: string, message: Partial<MailMessage> = {}, signal = new AbortController().signal) =>
  transportTo(url).send({ ...MESSAGE, ...message }, signal);

/** What a mail server says to a command, and with which code. */
const refusal = (responseCode: number, text = 'no') => Object.assign(new Error(text), { responseCode });

/** A server that speaks for itself. @param talk answers a line of the client */
async function ownServer(talk: (line: string, socket: Socket) => void, greeting = '220 hello\r\n') {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.write(greeting);
    let rest = '';
    socket.on('data', (chunk) => {
      const lines = (rest + chunk.toString()).split('\r\n');
      rest = lines.pop() ?? '';
      for (const line of lines) talk(line, socket);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '0.0.0.0', resolve));
  closing.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as { port: number }).port;
}

test('a mail has both texts, one recipient, its own Message-ID, and asks robots not to answer', async () => {
  const server = await mailServer();
  expect(await send(server.url)).toEqual({ sent: true });
  const [mail] = server.mails;
  expect(mail).toMatchObject({
    subject: MESSAGE.subject,
    text: MESSAGE.text,
    messageId: `<${MESSAGE.id}@app.example.com>`,
    from: { value: [{ name: 'Acme, "Inc"', address: 'no-reply@acme.example' }] },
    to: { value: [{ address: 'ada@example.com' }] },
  });
  expect(mail?.html).toContain(`href="${LINK}"`);
  expect(mail?.headers.get('auto-submitted')).toBe('auto-generated');
});

test('an address that would end its header, or is several, sends nothing', async () => {
  const server = await mailServer();
  for (const to of ['a@example.com>\r\nBcc: <b@example.com', 'a@example.com\r\nRCPT TO:<b@example.com>'])
    expect(await send(server.url, { to })).toMatchObject({ sent: false });
  expect(await send(server.url, { subject: 'Hi\r\nBcc: b@example.com\r\n\r\nbody' })).toEqual({ sent: true });
  expect(server.mails).toHaveLength(1);
  expect(server.mails[0]?.headers.has('bcc')).toBe(false);
  expect(server.mails[0]?.text).toBe(MESSAGE.text);
});

test.each([
  [
    'the recipient for good',
    { onRcptTo: (_a, _s, next) => next(refusal(550)) },
    'permanent',
    '550',
    'RCPT TO',
  ],
  [
    'the recipient for now',
    { onRcptTo: (_a, _s, next) => next(refusal(451)) },
    'temporary',
    '451',
    'RCPT TO',
  ],
  ['the sender', { onMailFrom: (_a, _s, next) => next(refusal(550)) }, 'temporary', '550', 'MAIL FROM'],
  [
    'us without a password',
    { onRcptTo: (_a, _s, next) => next(refusal(530)) },
    'temporary',
    '530',
    'RCPT TO',
  ],
] satisfies [string, SMTPServerOptions, string, string, string][])(
  'a server that refuses %s',
  async (_what, options, fault, code, command) => {
    const { url } = await mailServer(options);
    const sending = await send(url);
    expect(sending).toMatchObject({ sent: false, fault });
    expect(sending).toMatchObject({ reason: expect.stringContaining(code) as string });
    expect(sending).toMatchObject({ reason: expect.stringContaining(command) as string });
  },
);

test.each([
  [554, 'permanent'],
  [451, 'temporary'],
])('a server that refuses the text with %d, and repeats the link', async (code, fault) => {
  const { url } = await mailServer({
    onData(stream, _session, callback) {
      stream.resume();
      stream.on('end', () => callback(refusal(code, `5.7.1 spam: ${LINK}`)));
    },
  });
  const sending = await send(url);
  expect(sending).toMatchObject({ sent: false, fault });
  expect(JSON.stringify(sending)).not.toContain('token');
});

test('a server that is not there, or does not greet, is away', async () => {
  const gone = await startMailServer();
  await gone.close();
  expect(await send(gone.url)).toMatchObject({ sent: false, fault: 'away' });
  const port = await ownServer(() => undefined, '');
  const soon = AbortSignal.timeout(200);
  expect(await send(`smtp://127.0.0.1:${port}`, {}, soon)).toMatchObject({ sent: false, fault: 'away' });
});

test('a server that closes in the middle of the text may have taken the mail, before it has not', async () => {
  const closesAt = (command: RegExp, answer: string) =>
    ownServer((line, socket) => {
      if (command.test(line)) socket.end(answer);
      else if (/^DATA/.test(line)) socket.write('354 go on\r\n');
      else if (/^(EHLO|MAIL|RCPT)/.test(line)) socket.write('250 ok\r\n');
    });
  for (const [command, answer, fault] of [
    [/^RCPT/, '', 'temporary'],
    [/^DATA/, '', 'temporary'],
    [/^Subject/i, '', 'unanswered'],
    [/^\.$/, '', 'unanswered'],
    [/^\.$/, '421 4.3.2 going down\r\n', 'temporary'],
  ] as const) {
    const port = await closesAt(command, answer);
    expect(await send(`smtp://127.0.0.1:${port}`)).toMatchObject({ sent: false, fault });
  }
});

test('a server that is silent after the text may have taken the mail', async () => {
  const port = await ownServer((line, socket) => {
    if (/^DATA/.test(line)) socket.write('354 go on\r\n');
    else if (/^(EHLO|MAIL|RCPT)/.test(line)) socket.write('250 ok\r\n');
  });
  const soon = AbortSignal.timeout(500);
  expect(await send(`smtp://127.0.0.1:${port}`, {}, soon)).toMatchObject({
    sent: false,
    fault: 'unanswered',
  });
});

describe('with a password', () => {
  const options: SMTPServerOptions = {
    authOptional: false,
    disabledCommands: ['STARTTLS'],
    onAuth: ({ username, password }, _session, callback) =>
      username === 'us@er' && password === 'p%ss/' ? callback(null, { user: 'us' }) : callback(refusal(535)),
  };
  const withPassword = (url: string, password: string) =>
    url.replace('smtp://', `smtp://us%40er:${encodeURIComponent(password)}@`);

  test('it is decoded and used', async () => {
    const { url, mails } = await mailServer(options);
    expect(await send(withPassword(url, 'p%ss/'))).toEqual({ sent: true });
    expect(mails).toHaveLength(1);
  });

  test('a wrong one is a fault of the operator: no mail is given up for it, and nothing tells it', async () => {
    const { url } = await mailServer(options);
    const sending = await send(withPassword(url, 'secret phrase'));
    expect(sending).toMatchObject({ sent: false, fault: 'away' });
    const told = JSON.stringify(sending);
    expect(told).toContain('535');
    for (const each of ['secret', Buffer.from('secret phrase').toString('base64')])
      expect(told).not.toContain(each);
  });

  test('it is not sent to another machine without TLS', async () => {
    const lines: string[] = [];
    const port = await ownServer((line, socket) => {
      lines.push(line);
      if (/^EHLO/.test(line)) socket.write('250-hello\r\n250 AUTH PLAIN LOGIN\r\n');
      else socket.write('454 no\r\n');
    });
    // It reaches this machine, but is no loopback address.
    expect(await send(`smtp://user:pass@0.0.0.0:${port}`)).toMatchObject({ sent: false, fault: 'away' });
    expect(lines.some((line) => line.startsWith('AUTH'))).toBe(false);
  });
});

describe('over TLS', () => {
  const folder = mkdtempSync(join(tmpdir(), 'mail-tls-'));
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  execFileSync(
    'openssl',
    ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=localhost'].concat([
      '-addext',
      'subjectAltName=DNS:localhost,IP:127.0.0.1',
      '-keyout',
      key,
      '-out',
      cert,
    ]),
    { stdio: 'ignore' },
  );
  const ours = { key: readFileSync(key), cert: readFileSync(cert) };
  afterAll(() => rmSync(folder, { recursive: true }));

  let wasSecure: boolean | undefined;
  const noteSecurity: SMTPServerOptions['onMailFrom'] = (_address, session, callback) => {
    wasSecure = session.secure;
    callback();
  };
  beforeEach(() => (wasSecure = undefined));

  test.each([
    ['smtps:', { secure: true, disabledCommands: ['AUTH'] }],
    ['smtp: with STARTTLS', { disabledCommands: ['AUTH'] }],
  ])('%s encrypts, and only for a certificate that is trusted', async (scheme, options) => {
    const { url } = await mailServer({ ...ours, ...options, onMailFrom: noteSecurity });
    const there = scheme === 'smtps:' ? url.replace('smtp:', 'smtps:') : url;
    const sending = await send(there);
    expect(sending).toMatchObject({ sent: false, fault: 'away' });
    expect(wasSecure).toBeUndefined();
    const transport = transportTo(there, { tls: { ca: ours.cert } });
    expect(await transport.send(MESSAGE, new AbortController().signal)).toEqual({ sent: true });
    expect(wasSecure).toBe(true);
  });
});

test('a slow server gets its time, and an attempt that is cut off leaves no connection', async () => {
  const { url, mails, connections } = await mailServer({
    onConnect: (_session, callback) => void sleep(300).then(() => callback()),
  });
  expect(await send(url)).toEqual({ sent: true });
  expect(mails).toHaveLength(1);
  expect(await send(url, {}, AbortSignal.timeout(100))).toMatchObject({ sent: false, fault: 'away' });
  expect(await send(url, {}, AbortSignal.abort())).toMatchObject({ sent: false, fault: 'away' });
  await eventually(async () => expect(await connections()).toBe(0));
  expect(mails).toHaveLength(1);
});
