import { AUTH, type Answer, type Tokens } from '../support/api';
import { eventually } from '../support/eventually';
import { sharedNodes, sharedWorld } from '../support/shared';

const world = sharedWorld();
const [one, two] = sharedNodes(world, {}, {});

const isWaiting = async (event: string) => {
  const rows = await world.sql(
    `select pid from pg_stat_activity
     where datname = current_database() and wait_event_type = 'Lock' and wait_event = $1`,
    [event],
  );
  return rows.length > 0;
};

/** Sends `second` while the first request holds its locks and commits, and waits until the second one needs them. */
async function whileCommitting<First, Second>(
  first: () => Promise<First>,
  second: () => Promise<Second>,
): Promise<[First, Second]> {
  await world.sql(`
    create function wait_here() returns trigger language plpgsql as $$
      begin perform pg_advisory_xact_lock_shared(43); return null; end $$;
    create constraint trigger wait_here after insert or update on sessions deferrable initially deferred
      for each row execute function wait_here()`);
  const release = await world.hold('select pg_advisory_xact_lock(43)');
  const earlier = first();
  await eventually(async () => expect(await isWaiting('advisory')).toBe(true));
  const later = second();
  await eventually(async () => expect(await isWaiting('transactionid')).toBe(true));
  await release();
  const both = await Promise.all([earlier, later]);
  await world.sql('drop function wait_here cascade');
  return both;
}

const roleChanger = async () => {
  const { accessToken } = await one.api.loginAsAdmin();
  return async ({ user }: Tokens) => {
    const query = 'mutation($id: ID!) { setRole(userId: $id, role: ADMIN) { role } }';
    const { setRole } = one.api.expect(await one.api.send(query, { id: user.id }, accessToken));
    expect(setRole.role).toBe('ADMIN');
  };
};

const isSignedIn = async ({ accessToken }: Tokens) => {
  expect((await one.api.me(accessToken)).status).toBe(200);
};

test('a refresh that waits for a change of role succeeds', async () => {
  const [setRole, tokens] = [await roleChanger(), await one.api.newUser()];
  const [, refreshed] = await whileCommitting(
    () => setRole(tokens),
    () => two.api.refreshed(tokens),
  );
  expect(refreshed.user.tokenVersion).toBe(2);
  await isSignedIn(await one.api.refreshed(refreshed));
});

test('a logout that waits for a change of role ends the session', async () => {
  const [setRole, tokens] = [await roleChanger(), await one.api.newUser()];
  const [, receipt] = await whileCommitting(
    () => setRole(tokens),
    () => two.api.end('logout', tokens.accessToken) as Promise<object>,
  );
  expect(receipt).toMatchObject({ confirmed: true });
  expect((await one.api.refresh(tokens.refreshToken)).code).toBe('REFRESH_TOKEN_INVALID');
});

test('a login that waits for a change of role lives on', async () => {
  const [setRole, tokens] = [await roleChanger(), await one.api.newUser()];
  const [, login] = await whileCommitting(
    () => setRole(tokens),
    () => two.api.login(tokens.user.email),
  );
  await isSignedIn(login);
  await isSignedIn(await one.api.refreshed(login));
});

test('a login that a change of role waits for lives on', async () => {
  const [setRole, tokens] = [await roleChanger(), await one.api.newUser()];
  const [login] = await whileCommitting(
    () => two.api.login(tokens.user.email),
    () => setRole(tokens),
  );
  await isSignedIn(await one.api.refreshed(login));
});

test('a refresh that waits for a logout of the other sessions is refused, and the session lives on', async () => {
  const tokens = await one.api.newUser();
  const logoutOthers = async () => {
    const query = `mutation { logoutOthers ${AUTH} }`;
    return one.api.send(query, {}, tokens.accessToken);
  };
  const [kept, late]: [Answer, Answer] = await whileCommitting(logoutOthers, () =>
    two.api.refresh(tokens.refreshToken),
  );
  expect(late.code).toBe('REFRESH_TOKEN_INVALID');
  await isSignedIn(await two.api.refreshed(one.api.expect(kept).logoutOthers as Tokens));
});
