import { eventually } from '../support/eventually';
import { withPostgres } from '../support/postgres';
import { sharedNodes, sharedWorld } from '../support/shared';

const world = sharedWorld();
const [one, two] = sharedNodes(world, {}, {});

/** A node's `logoutEverywhere` whose clock was read an hour ago. Its entry has outlived every token of that time. */
const RAISE = `
  with raised as (update users set token_version = token_version + 1 where id = $1 returning id, token_version)
  insert into revocations (kind, user_id, token_version, revoked_at, expires_at)
  select 'USER', id, token_version, now() - interval '1 hour', now() - interval '30 minutes' from raised`;

test('a revocation whose commit waited for an hour outlives the tokens that were issued meanwhile', async () => {
  const tokens = await one.api.newUser();
  const late = await withPostgres(world.databaseUrl, async (client) => {
    await client.query('begin');
    await client.query(RAISE, [tokens.user.id]);
    // A refresh takes no lock on the user, so it does not wait for the commit.
    const refreshed = await two.api.refreshed(tokens);
    await client.query('commit');
    return refreshed;
  });
  const unconfirmed = 'select id from revocations where confirmed_at is null';
  await eventually(async () => expect(await world.sql(unconfirmed)).toEqual([]));
  // Its view is the log as it is now.
  const three = await world.node();
  for (const node of [one, two, three])
    expect((await node.api.me(late.accessToken)).reason).toBe('TOKEN_REVOKED');
  expect(
    await world.sql('select id from revocations where user_id = $1 and expires_at > now()', [tokens.user.id]),
  ).toHaveLength(1);
});
