import { emailKey } from '../../src/core/email';
import { mailsIn } from '../../src/postgres/mails';
import { sharedDataSource } from '../support/data-source';
import { sharedNodes, sharedWorld } from '../support/shared';

const world = sharedWorld();
const [node] = sharedNodes(world, {});

const dataSource = sharedDataSource(world, 2);

const mails = () => mailsIn(dataSource().manager);

interface Written {
  readonly kind: string;
  readonly recipient: string;
  readonly user_id: string | null;
  readonly token_version: number | null;
  readonly data: object;
}
const written = () =>
  world.sql<Written>(
    'delete from mails returning kind, recipient, user_id, token_version, data, attempts, next_attempt_at <= now() as due',
  );
const eventsOf = (reason: string) =>
  world.sql('select type, user_id from audit_events where reason = $1', [reason]);

test('a mail to a user has their address and version, and its event', async () => {
  const { user } = await node.api.newUser();
  const data = { userAgent: 'a \ud800', ipAddress: '192.0.2.1' };
  const event = { type: 'EMAIL_VERIFICATION_REQUESTED', userId: user.id, reason: 'to a user' } as const;
  expect(await mails().writeToUser(user.id, { kind: 'email-verification', data }, event)).toBe(true);
  expect(await written()).toEqual([
    {
      kind: 'email-verification',
      recipient: user.email,
      user_id: user.id,
      token_version: 1,
      data: { userAgent: 'a \ufffd', ipAddress: '192.0.2.1' },
      attempts: 0,
      due: true,
    },
  ]);
  expect(await eventsOf('to a user')).toEqual([{ type: event.type, user_id: user.id }]);
});

test('nothing is written to a user that is disabled, gone or no id', async () => {
  const { user } = await node.api.newUser();
  await world.sql('update users set disabled_at = now() where id = $1', [user.id]);
  const event = { type: 'PASSWORD_RESET_REQUESTED', reason: 'to nobody' } as const;
  for (const id of [user.id, '00000000-0000-4000-8000-000000000000', 'no id'])
    expect(await mails().writeToUser(id, { kind: 'password-reset' }, event)).toBe(false);
  expect(await written()).toEqual([]);
  expect(await eventsOf('to nobody')).toEqual([]);
});

test('a mail to an address is one row and one event, with an account or without', async () => {
  const { user } = await node.api.newUser();
  const event = { type: 'PASSWORD_RESET_REQUESTED', reason: 'to an address' } as const;
  await mails().writeToAddress('nobody@example.com', { kind: 'password-reset' }, event);
  await mails().writeToAddress(user.email, { kind: 'password-reset' }, event);
  expect(await written()).toMatchObject([
    { recipient: 'nobody@example.com', user_id: null, token_version: null, data: {} },
    { recipient: user.email, user_id: user.id, token_version: 1 },
  ]);
  expect(await eventsOf('to an address')).toEqual([
    { type: event.type, user_id: null },
    { type: event.type, user_id: user.id },
  ]);
});

test('a mail goes to the spelling of the account, not to one that only folds to it', async () => {
  const { user } = await node.api.newUser();
  // A long s, which folds to s.
  const lookalike = user.email.replace('s', '\u017f');
  expect(lookalike).not.toBe(user.email);
  expect(emailKey(lookalike)).toBe(emailKey(user.email));
  await mails().writeToAddress(lookalike, { kind: 'password-reset' }, { type: 'PASSWORD_RESET_REQUESTED' });
  expect(await written()).toMatchObject([{ recipient: user.email, user_id: user.id }]);
});

test('an address from which an account has changed is kept for it while the change can be undone', async () => {
  const [{ user }, password] = [await node.api.newUser(), 'correct horse battery'];
  const old = 'before@example.com';
  const keep = (until: string) =>
    world.sql(
      `update users set previous_email = $2, previous_email_key = $2, previous_email_until = now() + $3::interval
       where id = $1`,
      [user.id, old, until],
    );
  const register = () =>
    node.api.send(
      'mutation ($input: RegisterInput!) { register(input: $input) { user { email emailVerified } } }',
      { input: { email: old.toUpperCase(), password } },
    );
  await keep('1 day');
  expect(await register()).toMatchObject({ errors: [{ extensions: { code: 'CONFLICT' } }] });
  await keep('-1 s');
  expect((await register()).data).toEqual({
    register: { user: { email: old.toUpperCase(), emailVerified: false } },
  });
});

test('nobody signs in to an account without a password', async () => {
  const { user } = await node.api.newUser();
  await world.sql('update users set password_hash = null where id = $1', [user.id]);
  for (const password of ['', 'null', 'correct horse battery'])
    expect(
      await node.api.send('mutation ($input: LoginInput!) { login(input: $input) { accessToken } }', {
        input: { email: user.email, password },
      }),
    ).toMatchObject({ errors: [{ extensions: { code: 'INVALID_CREDENTIALS' } }] });
});

test('the sessions of an account without a password can still be ended', async () => {
  const { user, accessToken } = await node.api.newUser();
  await world.sql('update users set password_hash = null where id = $1', [user.id]);
  const { data } = await node.api.send('mutation { logoutOthers { accessToken } }', {}, accessToken);
  expect(data).toMatchObject({ logoutOthers: { accessToken: expect.any(String) as string } });
});
