import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { SMTPServerOptions } from 'smtp-server';
import { systemClock } from '../../src/core/clock';
import type { MailKind } from '../../src/core/mail';
import { newEmbeddedFolder } from '../support/embedded-folder';
import { eventually } from '../support/eventually';
import { type MailServer, startMailServer, tokenIn } from '../support/mail-server';
import { startNodeProcess } from '../support/node-process';
import { metricsOf } from '../support/probes';
import { sharedWorld } from '../support/shared';
import type { Env, TestNode } from '../support/world';

const world = sharedWorld();

const closing: (() => unknown)[] = [];
afterEach(async () => {
  await world.stop();
  for (const close of closing.splice(0)) await close();
  await world.sql('delete from mails');
});

async function mailServer(options: SMTPServerOptions = {}): Promise<MailServer> {
  const server = await startMailServer(options);
  closing.push(() => server.close());
  return server;
}

/** The address of a mail server that has stopped. */
async function awayUrl(): Promise<string> {
  const server = await startMailServer();
  await server.close();
  return server.url;
}

const envFor = (url: string): Env => ({
  SMTP_URL: url,
  MAIL_FROM: 'Acme <no-reply@acme.example>',
  APP_URL: 'https://app.acme.example',
  SERVICE_NAME: 'Acme',
});

/** Writes a notice, as a change of the account does. The sender finds it by itself. */
async function write(recipient = `${randomUUID()}@example.com`, kind: MailKind = 'new-device') {
  await world.sql('insert into mails (kind, recipient, data) values ($1, $2, $3)', [
    kind,
    recipient,
    { userAgent: 'curl/8', ipAddress: '192.0.2.1' },
  ]);
  return recipient;
}

const waiting = () =>
  world.sql<{ recipient: string; attempts: number }>('select recipient, attempts from mails');
const isDone = () => eventually(async () => expect(await waiting()).toEqual([]));
/** Lets time pass for the outbox: leases and delays. */
const pass = (time: string) =>
  world.sql('update mails set next_attempt_at = next_attempt_at - $1::interval', [time]);
const refusal = (responseCode: number, text = 'no') => Object.assign(new Error(text), { responseCode });

const forgot = ({ api }: Pick<TestNode, 'api'>, email: string) =>
  api.send('mutation ($email: String!) { requestPasswordReset(email: $email) }', { email });

const givenUp = () =>
  world.sql<{ reason: string }>(`delete from audit_events where type = 'MAIL_GIVEN_UP' returning reason`);

test('the link of a mail resets the password, and no log has it', async () => {
  const server = await mailServer();
  const node = await world.node({ ...envFor(server.url), LOG_LEVEL: 'trace' });
  const { user } = await node.api.newUser();
  expect(await forgot(node, user.email)).toMatchObject({ data: { requestPasswordReset: true } });
  const mail = await server.mailTo(user.email, 'Reset your password for Acme');
  expect(mail.text).toContain('https://app.acme.example/reset-password#token=');
  expect(mail.html).toContain(tokenIn(mail));
  const { data } = await node.api.send(
    'mutation ($input: ResetPasswordInput!) { resetPassword(input: $input) { user { email } } }',
    { input: { token: tokenIn(mail), newPassword: 'another horse battery' } },
  );
  expect(data).toEqual({ resetPassword: { user: { email: user.email } } });
  await isDone();
  const log = node.log.join('\n');
  expect(log).toContain('A mail was sent.');
  expect(log).not.toContain(tokenIn(mail));
  expect(log).not.toMatch(/#token|another horse/);
});

test('no mail goes to an address without an account', async () => {
  const server = await mailServer();
  const node = await world.node(envFor(server.url));
  await forgot(node, 'nobody@example.com');
  await write('somebody@example.com');
  await isDone();
  expect(server.mails.map(({ to }) => [to].flat()[0]?.text)).toEqual(['somebody@example.com']);
});

test('a slow mail server delays mails, and nothing else', async () => {
  const server = await mailServer({
    onConnect: (_session, callback) => void sleep(1500).then(() => callback()),
  });
  const node = await world.node(envFor(server.url));
  const { user } = await node.api.newUser();
  const began = Date.now();
  await forgot(node, user.email);
  await node.api.newUser();
  expect(Date.now() - began).toBeLessThan(1500);
  await server.mailTo(user.email);
  await isDone();
  expect(server.mails).toHaveLength(1);
});

test('a mail server that is away delays mails, and nothing else', async () => {
  const url = await awayUrl();
  const node = await world.node(envFor(url));
  const { user } = await node.api.newUser();
  expect(await forgot(node, user.email)).toMatchObject({ data: { requestPasswordReset: true } });
  await eventually(() => expect(node.log.join('\n')).toContain('The mail server cannot be reached.'));
  expect(await fetch(`${node.url}/readyz`)).toMatchObject({ status: 200 });
  const { value } = await metricsOf(node);
  expect(value('mails_oldest_seconds')).toBeGreaterThan(0);
  expect(value('mails_retried_total{kind="password-reset"}')).toBeGreaterThanOrEqual(1);
  const server = await startMailServer({}, Number(new URL(url).port));
  closing.push(() => server.close());
  await server.mailTo(user.email);
  await isDone();
  await eventually(() => expect(node.log.join('\n')).toContain('The mail server can be reached again.'));
  const later = await metricsOf(node);
  expect(later.value('mails_sent_total{kind="password-reset"}')).toBe(1);
});

test('a mail that is refused for good is given up, with an event and a metric', async () => {
  const server = await mailServer({ onRcptTo: (_address, _session, next) => next(refusal(550)) });
  const node = await world.node(envFor(server.url));
  await write();
  await isDone();
  expect(await givenUp()).toEqual([
    { reason: expect.stringMatching(/^new-device: The mail server answered 550.* to RCPT TO\.$/) as string },
  ]);
  await eventually(async () =>
    expect((await metricsOf(node)).value('mails_given_up_total{kind="new-device"}')).toBe(1),
  );
});

test('a mail that is greylisted is sent later, once', async () => {
  let refused = 0;
  const server = await mailServer({
    onRcptTo: (_address, _session, next) => (refused++ < 2 ? next(refusal(451)) : next()),
  });
  await world.node(envFor(server.url));
  const recipient = await write();
  for (const attempts of [1, 2]) {
    await eventually(async () => expect(await waiting()).toEqual([{ recipient, attempts }]));
    await eventually(() => expect(refused).toBe(attempts));
    await sleep(200);
    await pass('1 minute');
  }
  await isDone();
  expect(server.mails).toHaveLength(1);
});

/** A mail server of our own, which takes each mail whole and closes instead of an answer. */
async function forgetfulServer(atLine: RegExp, times: number) {
  const taken: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    let [text, isText] = ['', false];
    socket.write('220 hello\r\n');
    socket.on('data', (chunk) => {
      for (const line of chunk.toString().split('\r\n')) {
        if (isText) text += `${line}\n`;
        const isEnd = isText && line === '.';
        if (isText && atLine.test(line) && taken.length < times) {
          taken.push(text);
          socket.destroy();
          return;
        }
        if (isEnd) {
          taken.push(text);
          isText = false;
          socket.write('250 taken\r\n');
        } else if (line === 'DATA') {
          isText = true;
          socket.write('354 go on\r\n');
        } else if (!isText && /^(EHLO|MAIL|RCPT)/.test(line)) socket.write('250 ok\r\n');
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { url: `smtp://127.0.0.1:${(server.address() as { port: number }).port}`, taken };
}

const messageIds = (texts: readonly string[]) =>
  new Set(texts.map((text) => /^Message-ID: (.+)$/im.exec(text)?.[1]));

test('a mail that is cut off in the middle is sent again', async () => {
  const { url, taken } = await forgetfulServer(/^Message-ID/i, 1);
  await world.node(envFor(url));
  await write();
  await eventually(() => expect(taken).toHaveLength(1));
  await isDone();
  expect(taken).toHaveLength(2);
  expect(messageIds(taken).size).toBe(1);
  expect(await givenUp()).toEqual([]);
});

test('a mail whose answer is lost is sent at most twice, with one Message-ID', async () => {
  const { url, taken } = await forgetfulServer(/^\.$/, Infinity);
  await world.node(envFor(url));
  await world.node(envFor(url));
  await write();
  await isDone();
  expect(taken).toHaveLength(2);
  const [id] = messageIds(taken);
  expect(id).toMatch(/^<[\da-f-]{36}@app\.acme\.example>$/);
  expect(messageIds(taken).size).toBe(1);
  expect(await givenUp()).toEqual([{ reason: expect.stringContaining('sent twice, no answer') as string }]);
});

test('two nodes send each mail once', async () => {
  const server = await mailServer();
  await Promise.all([world.node(envFor(server.url)), world.node(envFor(server.url))]);
  const recipients = await Promise.all(Array.from({ length: 30 }, () => write()));
  await isDone();
  expect(server.mails.map(({ to }) => [to].flat()[0]?.text).sort()).toEqual(recipients.sort());
});

test('a mail of a node that was killed between commit and sending is sent by another, once', async () => {
  // The first node claims the mail, and its mail server never greets.
  const silent = createServer();
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  closing.push(() => silent.close());
  const silentUrl = `smtp://127.0.0.1:${(silent.address() as { port: number }).port}`;
  const killed = await startNodeProcess({
    DATABASE_URL: world.databaseUrl,
    REDIS_URL: world.redisUrl,
    ...envFor(silentUrl),
  });
  const { user } = await killed.api.newUser();
  await forgot(killed, user.email);
  await eventually(async () => expect(await waiting()).toEqual([{ recipient: user.email, attempts: 1 }]));
  killed.signal('SIGKILL');
  await killed.ended;

  const server = await mailServer();
  await world.node(envFor(server.url));
  await sleep(1500);
  expect(server.mails).toEqual([]);
  await pass('2 minutes');
  await server.mailTo(user.email, 'Reset your password');
  await isDone();
  expect(server.mails).toHaveLength(1);
});

test('a mail is given up after a day, with an event', async () => {
  const url = await awayUrl();
  await write();
  const day = 24 * 3_600_000;
  await world.node(envFor(url), { ...systemClock, now: () => Date.now() + day - 60_000 });
  await eventually(async () => expect((await waiting())[0]?.attempts).toBe(1));
  expect(await givenUp()).toEqual([]);
  await world.stop();
  await pass('1 hour');
  const node = await world.node(envFor(url), { ...systemClock, now: () => Date.now() + day + 60_000 });
  await isDone();
  expect(await givenUp()).toEqual([{ reason: 'new-device: not sent in time' }]);
  expect(node.log.join('\n')).toContain('A mail was given up.');
});

test('text in the outbox cannot begin another header or go to somebody else', async () => {
  const server = await mailServer();
  await world.node({ ...envFor(server.url), SERVICE_NAME: 'Acme\u2028Bcc: c@example.com' });
  await write('ada@example.com\r\nBcc: b@example.com');
  await write('ada@example.com, b@example.com');
  await world.sql('insert into mails (kind, recipient, data) values ($1, $2, $3)', [
    'email-change-requested',
    'ada@example.com',
    { newEmail: 'x@example.com\r\nBcc: b@example.com', userAgent: 'a\r\nBcc: b@example.com' },
  ]);
  await isDone();
  expect(server.mails).toHaveLength(1);
  expect([...server.mails[0]!.headers.keys()].sort()).toEqual(
    ['auto-submitted', 'content-type', 'date', 'from', 'message-id', 'mime-version', 'subject', 'to'].sort(),
  );
  expect(await givenUp()).toHaveLength(2);
});

test('a stop finishes the mail that is being sent', async () => {
  const server = await mailServer({
    onMailFrom: (_address, _session, next) => void sleep(1000).then(() => next()),
  });
  const node = await world.node(envFor(server.url));
  await write();
  await eventually(async () => expect((await waiting())[0]?.attempts).toBe(1));
  await node.close();
  expect(server.mails).toHaveLength(1);
  expect(await waiting()).toEqual([]);
});

test('a team replaces templates, and a fault in one stops the start', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'templates-'));
  closing.push(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'new-device.subject.txt'), 'Neue Anmeldung bei {{service}}');
  const server = await mailServer();
  const env = { ...envFor(server.url), MAIL_TEMPLATES: folder };
  await world.node(env);
  await server.mailTo(await write(), 'Neue Anmeldung bei Acme');
  writeFileSync(join(folder, 'new-device.txt'), '{{place}}');
  writeFileSync(join(folder, 'invitation.html'), 'no link');
  await expect(world.node(env)).rejects.toThrow(
    /^The templates in MAIL_TEMPLATES cannot be used\.\ninvitation\.html lacks .+\nnew-device\.txt has the unknown place/,
  );
});

test('the embedded mode prints a mail with its link, and not in the log', async () => {
  const folder = await newEmbeddedFolder();
  const node = await startNodeProcess({ DATA_DIR: folder.path });
  closing.push(async () => {
    node.signal('SIGTERM');
    await node.ended;
    await folder.remove();
  });
  const { user } = await node.api.newUser();
  await forgot(node, user.email);
  await eventually(() =>
    expect(node.output()).toMatch(/^http:\/\/localhost:3000\/reset-password#token=[\w-]+\.[\w-]+\.[\w-]+$/m),
  );
  expect(node.output()).toContain(`Mail to ${user.email}\nSubject: Reset your password for localhost\n`);
  for (const line of node.output().split('\n'))
    if (line.startsWith('{')) expect(line).not.toContain('token=');
});
