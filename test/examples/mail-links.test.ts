import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { LINK_PATHS, type LinkPurpose, linkUrl } from '../../src/core/link';
import type { MailKind } from '../../src/core/mail';
import { PASSWORD } from '../support/api';
import { linkMaker, waitingMails } from '../support/links';
import { freePort } from '../support/servers';
import { shared, sharedNodes, sharedWorld } from '../support/shared';
import { EXAMPLES, startExample } from './example-process';

const world = sharedWorld();
// Nobody listens there, so that the mails stay in the outbox.
const [node] = sharedNodes(world, { SMTP_URL: 'smtp://127.0.0.1:9', MAIL_FROM: 'no-reply@example.com' });
const page = shared(async () => {
  const PORT = String(await freePort());
  const server = await startExample(join(EXAMPLES, 'mail-links/server.mjs'), 'is ready at', {
    PORT,
    AUTH_URL: node.url,
  });
  return { ...server, url: `http://localhost:${PORT}` };
});
afterAll(() => page.stop());

/** What a person sees who opens the URL, types into the field, if there is one, and presses the button. */
async function open(url: string, typed?: string) {
  const { stdout } = await promisify(execFile)(process.execPath, [
    join(__dirname, 'mail-page.mjs'),
    url,
    ...(typed === undefined ? [] : [typed]),
  ]);
  return JSON.parse(stdout) as {
    address: string;
    token: string | null;
    title: string;
    shows: string[];
    message: string;
    isOver: boolean;
  };
}

/** The URL in the newest mail of a kind. */
async function linkIn(kind: MailKind, purpose: LinkPurpose): Promise<string> {
  const mail = (await waitingMails(world)).findLast((each) => each.kind === kind);
  if (!mail) throw new Error(`There is no mail of the kind ${kind}.`);
  return linkUrl(page.url, purpose, (await linkMaker(world)).of(mail));
}

test('a forgotten password is replaced by the link, which works once, and every earlier token has ended', async () => {
  const { user, accessToken } = await node.api.newUser();
  expect(await open(page.url, user.email)).toMatchObject({
    shows: ['email'],
    message: 'If there is an account, a mail with a link is on its way.',
  });
  const link = await linkIn('password-reset', 'reset-password');
  const address = `${page.url}/reset-password`;
  expect(await open(link, 'short')).toMatchObject({
    address,
    token: link.split('#token=')[1],
    shows: ['password'],
    message: expect.stringContaining('at least 8 characters') as string,
    isOver: false,
  });
  expect(await open(link, 'another horse battery')).toMatchObject({
    address,
    message: `${user.email} has a new password. Every earlier sign-in has ended.`,
    isOver: true,
  });
  expect(await node.api.me(accessToken)).toMatchObject({ reason: 'TOKEN_REVOKED' });
  await node.api.login(user.email, 'another horse battery');
  expect(await open(link, 'a third horse battery')).toMatchObject({
    message: expect.stringContaining('link') as string,
    isOver: true,
  });
});

test('an email is verified by the link', async () => {
  const { user, accessToken } = await node.api.newUser();
  await node.api.mutate('requestEmailVerification', accessToken);
  const link = await linkIn('email-verification', 'verify-email');
  expect(await open(link)).toMatchObject({
    shows: [],
    message: `${user.email} is verified. You can sign in.`,
  });
});

test('an email is changed by the link', async () => {
  const { accessToken } = await node.api.newUser();
  const newEmail = 'changed@example.com';
  await node.api.mutate(
    `requestEmailChange(input: { newEmail: "${newEmail}", password: "${PASSWORD}" })`,
    accessToken,
  );
  const link = await linkIn('email-change', 'confirm-email');
  expect(await open(link)).toMatchObject({
    shows: [],
    message: `The email of your account is ${newEmail}. Every earlier sign-in has ended.`,
  });
});

test('an invitation is accepted by the link', async () => {
  const email = 'invited@example.com';
  await world.sql(
    `with u as (insert into users (email, email_key, role, pending) values ($1, $1, 'USER', true) returning *)
     insert into mails (kind, recipient, user_id, token_version) select 'invitation', email, id, token_version from u`,
    [email],
  );
  const link = await linkIn('invitation', 'accept-invitation');
  expect(await open(link, 'another horse battery')).toMatchObject({
    shows: ['password'],
    message: `Welcome. You can sign in as ${email}.`,
  });
  await node.api.login(email, 'another horse battery');
});

test('every link leads to a page of its own, which loads nothing from elsewhere and tells nobody its address', async () => {
  const titles = new Set<string>();
  for (const path of new Set(Object.values(LINK_PATHS))) {
    const { headers } = await fetch(`${page.url}${path}`);
    expect(headers.get('referrer-policy')).toBe('no-referrer');
    expect(headers.get('content-security-policy')).toMatch(/^default-src 'none'; script-src 'self';/);
    titles.add((await open(`${page.url}${path}#token=x`, PASSWORD)).title);
  }
  expect(titles.size).toBe(4);
  expect(titles).not.toContain((await open(page.url, 'x@example.com')).title);
});
