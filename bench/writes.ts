import { hash } from '@node-rs/argon2';
import { Pool } from 'pg';
import { startHelper } from './support/helper';
import type { LoadOrder, LoadResult } from './support/load';
import { startNode } from './support/node';
import { makePeople, makeRefreshTokens, type Person, signTokens } from './support/people';
import { aim, type Figure, note, perSecond, runBench, times } from './support/report';
import { ARGON2, PASSWORD } from './support/settings';
import { inTurn, median, ratio } from './support/statistics';
import { withStores } from './support/stores';
import type { VerifierOrder, VerifierResult } from './support/verifier';

const ROUNDS = 6;

/** ms */
const TURN = 2000;

const CONNECTIONS = 32;

/** Logouts of one round; each needs a session of its own. */
const LOGOUTS = 4000;

const REFRESH = 'mutation($token: String!) { refresh(refreshToken: $token) { refreshToken } }';
const LOGOUT = 'mutation { logout { confirmed } }';
const LOGIN = 'mutation($input: LoginInput!) { login(input: $input) { accessToken } }';

/** Updates rows of sessions one by one, prepared, as fast as this Postgres can. Returns how many a second. */
async function updateRows(pool: Pool, people: readonly Person[]): Promise<number> {
  let next = 0;
  let done = 0;
  const startedAt = performance.now();
  await Promise.all(
    Array.from({ length: pool.options.max }, async () => {
      while (performance.now() - startedAt < TURN) {
        await pool.query({
          name: 'update',
          text: 'update sessions set last_used_at = now() where id = $1',
          values: [people[next++ % people.length]?.sessionId],
        });
        done += 1;
      }
    }),
  );
  return (done * 1000) / (performance.now() - startedAt);
}

runBench('writes: refresh, logout and login on one node', () =>
  withStores(async (stores): Promise<Figure[]> => {
    const databaseUrl = await stores.database('writes');
    const node = await startNode({ DATABASE_URL: databaseUrl, REDIS_URL: stores.redisUrl });
    const load = startHelper<LoadOrder, LoadResult>('load');
    const verifier = startHelper<VerifierOrder, VerifierResult>('verifier');
    const pool = new Pool({ connectionString: databaseUrl, max: 10 });

    const passwordHash = await hash(PASSWORD, ARGON2);
    const users = await makePeople(databaseUrl, 200, passwordHash);
    const logins = users.map(({ email }) => ({ input: { email, password: PASSWORD } }));
    const refreshing = await makePeople(databaseUrl, CONNECTIONS);
    let chains: readonly string[] = await makeRefreshTokens(databaseUrl, refreshing);
    const tokens = await signTokens(databaseUrl, users);

    const ask = async (order: Omit<LoadOrder, 'url' | 'connections'>) => {
      const result = await load.ask({ url: node.url, connections: CONNECTIONS, ...order });
      return { ...result, rate: (result.answered * 1000) / result.took };
    };
    const ways = {
      typename: async () =>
        (await ask({ query: '{ __typename }', tokens, duration: TURN, expected: '"Query"' })).rate,
      refresh: async () => {
        const order = { query: REFRESH, tokens: [], chains, duration: TURN, expected: '"refreshToken":"' };
        const answer = await ask(order);
        ({ chains } = answer);
        return answer.rate;
      },
      logout: async () => {
        const ending = await signTokens(databaseUrl, await makePeople(databaseUrl, LOGOUTS));
        return (await ask({ query: LOGOUT, tokens: ending, expected: '"confirmed":true' })).rate;
      },
      login: async () =>
        (await ask({ query: LOGIN, tokens: [], variables: logins, duration: TURN, expected: 'accessToken' }))
          .rate,
      argon2: async () => (await verifier.ask({ duration: TURN })).rate,
      update: () => updateRows(pool, refreshing),
    };
    note('warming up …');
    await inTurn(1, ways);
    const rates = await inTurn(ROUNDS, ways);
    load.stop();
    verifier.stop();
    await pool.end();
    await node.stop();

    const figure = (name: keyof typeof ways, limit: keyof typeof ways, least?: number): Figure => {
      const share = ratio(rates[name], rates[limit]);
      return {
        name: `${name}, to ${limit}`,
        measured: `${times(share)}, ${perSecond(median(rates[name]))} to ${perSecond(median(rates[limit]))}`,
        aim: least === undefined ? undefined : aim(`>= ${least}`, share >= least),
      };
    };
    return [
      figure('refresh', 'typename', 0.45),
      figure('logout', 'typename', 0.35),
      figure('login', 'argon2', 0.9),
      figure('refresh', 'update'),
    ];
  }),
);
