import { hashSync } from 'bcryptjs';
import { eventually } from '../support/eventually';
import { sharedNodes, sharedWorld } from '../support/shared';

const world = sharedWorld();
const [one, two] = sharedNodes(world, {}, {});

const OLD = 'the password of before';
const NEW = 'another fine password';

/** Makes an account with an imported hash. */
async function account(email: string) {
  await world.sql(`insert into users (email, email_key, password_hash, role) values ($1, $1, $2, 'USER')`, [
    email,
    hashSync(OLD, 4),
  ]);
}

const hashOf = async (email: string) =>
  (await world.sql<{ hash: string }>('select password_hash as hash from users where email = $1', [email]))[0]
    ?.hash;

test('of many first logins at once, on two nodes, none is refused, and the hash is replaced once', async () => {
  await account('many@example.com');
  const logins = Array.from({ length: 12 }, (_, i) =>
    (i % 2 ? one : two).api.tryLogin('many@example.com', OLD),
  );
  const codes = (await Promise.all(logins)).map(({ code }) => code);
  expect(codes).toEqual(Array(12).fill(undefined));
  const hash = await hashOf('many@example.com');
  expect(hash).toMatch(/^\$argon2id\$/);
  expect((await one.api.tryLogin('many@example.com', OLD)).code).toBeUndefined();
  expect(await hashOf('many@example.com')).toBe(hash);
});

test('a password that is set while a first login is under way stays, and the login is refused', async () => {
  await account('race@example.com');
  // The login waits at its rehash for the row, which another change holds.
  const release = await world.hold(
    `update users set password_hash = 'of another password' where email = 'race@example.com'`,
  );
  const login = one.api.tryLogin('race@example.com', OLD);
  await eventually(async () => {
    const waiting = await world.sql(
      `select from pg_stat_activity where wait_event_type = 'Lock' and query like '%set password_hash = $3%'`,
    );
    expect(waiting).toHaveLength(1);
  });
  await release('commit');
  expect((await login).code).toBe('INVALID_CREDENTIALS');
  expect(await hashOf('race@example.com')).toBe('of another password');
});

test('a change of the password beside first logins is never undone by them', async () => {
  for (let round = 0; round < 5; round++) {
    const email = `change${round}@example.com`;
    await account(email);
    const { accessToken } = await one.api.login(email, OLD);
    // As if it were imported again, under a living session.
    await world.sql('update users set password_hash = $2 where email = $1', [email, hashSync(OLD, 4)]);
    const change = two.api.send(
      `mutation($input: ChangePasswordInput!) { changePassword(input: $input) { accessToken } }`,
      { input: { currentPassword: OLD, newPassword: NEW } },
      accessToken,
    );
    const logins = Array.from({ length: 4 }, () => one.api.tryLogin(email, OLD));
    expect((await change).code).toBeUndefined();
    for (const login of await Promise.all(logins))
      expect([undefined, 'INVALID_CREDENTIALS']).toContain(login.code);
    expect((await one.api.tryLogin(email, OLD)).code).toBe('INVALID_CREDENTIALS');
    expect((await one.api.tryLogin(email, NEW)).code).toBeUndefined();
  }
});
