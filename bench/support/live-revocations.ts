import { withPostgres } from '../../test/support/postgres';

/** Revocations of users, sessions and tokens in turn, confirmed long ago, which expire one after the other. */
const LIVE_REVOCATIONS = `
  insert into revocations
    (kind, user_id, token_id, session_id, token_version, revoked_at, expires_at, confirmed_at)
  select (array['USER', 'SESSION', 'TOKEN'])[n % 3 + 1], gen_random_uuid(),
    case when n % 3 = 2 then gen_random_uuid() end,
    case when n % 3 = 1 then gen_random_uuid() end,
    case when n % 3 = 0 then 2 end,
    now(), now() + interval '1 hour' + n % 900 * interval '1 second', now()
  from generate_series(1, $1) as n`;

/** Fills the log of a database that has the tables with live revocations. */
export const revokeMany = (databaseUrl: string, count: number): Promise<void> =>
  withPostgres(databaseUrl, async (client) => {
    await client.query(LIVE_REVOCATIONS, [count]);
    await client.query('vacuum analyze revocations');
  });
