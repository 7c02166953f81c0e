import { hash } from '@node-rs/argon2';
import type { DataSource } from 'typeorm';
import { encodeCursor } from '../src/postgres/cursor';
import { purge } from '../src/postgres/purge';
import { connect } from '../src/server/database';
import { type Connection, formRequest, graphqlRequest, openConnection } from './support/connection';
import { addSpentSessions, fill, type FilledUser, pickUsers, reviveSessions } from './support/fill';
import { type Node, startNode } from './support/node';
import { makeRefreshTokens, type Person, signTokens } from './support/people';
import { aim, type Figure, milliseconds, note, runBench, times } from './support/report';
import { PASSWORD, SETTINGS } from './support/settings';
import { median, timed } from './support/statistics';
import { type Stores, withStores } from './support/stores';

const FEW = 100;
const MANY = Number(process.argv[2] ?? 1_000_000);

/** Users of one database on whom an operation is tried that ends their sessions. */
const TRIES = FEW / 5;

/** A batch of a purge, but for one: after a full batch it looks for another. */
const BATCH = 999;

const ADMIN = { email: 'admin@example.com', password: 'the password of the administrator' };

/** A node on a database of its own, one connection to it, and a hundred of its users. */
interface Side {
  readonly databaseUrl: string;
  readonly node: Node;
  readonly connection: Connection;
  readonly dataSource: DataSource;
  readonly users: readonly FilledUser[];
  /** A token of each user's first session. */
  readonly accessTokens: readonly string[];
  /** A token of each user's second session. */
  readonly refreshTokens: readonly string[];
}

async function openSide(stores: Stores, name: string, count: number): Promise<Side> {
  const databaseUrl = await stores.database(name);
  const env = { DATABASE_URL: databaseUrl, REDIS_URL: `${stores.redisUrl}/${name === 'few' ? 0 : 1}` };
  const admin = { ADMIN_EMAIL: ADMIN.email, ADMIN_PASSWORD: ADMIN.password, SHUTDOWN_DELAY: '0s' };
  await (await startNode({ ...env, ...admin })).stop();
  // The parameters of a hash are a part of it. A login should not be all hashing.
  const cheap = await hash(PASSWORD, { memoryCost: 8, timeCost: 1, parallelism: 1 });
  note(`filling a database with ${count.toLocaleString('en')} users …`);
  const took = await timed(() => fill(databaseUrl, count, cheap));
  note(`filled in ${Math.round(took / 1000)} s`);
  const node = await startNode(env);
  const users = await pickUsers(databaseUrl, FEW);
  const peopleOf = (session: number) =>
    users.map(({ userId, email, sessions }) => ({ userId, email, ...sessions[session] }) as Person);
  return {
    databaseUrl,
    node,
    users,
    connection: await openConnection(node.url),
    dataSource: await connect({ url: databaseUrl }, { statementTimeout: 0, poolSize: 1 }),
    accessTokens: await signTokens(databaseUrl, peopleOf(0)),
    refreshTokens: await makeRefreshTokens(databaseUrl, peopleOf(1)),
  };
}

async function ask({ connection }: Side, request: Buffer, expected: string): Promise<string> {
  const { status, body } = await connection.send(request);
  if (status !== 200 || !body.includes(expected))
    throw new Error(`An answer that was not expected: ${status} ${body}`);
  return body;
}

const LOGIN = 'mutation($input: LoginInput!) { login(input: $input) { accessToken refreshToken } }';

async function loginAsAdmin(side: Side): Promise<string> {
  const body = await ask(
    side,
    graphqlRequest(side.node.url, LOGIN, undefined, { input: ADMIN }),
    'accessToken',
  );
  return (JSON.parse(body) as { data: { login: { accessToken: string } } }).data.login.accessToken;
}

/** Returns the ms that each try took. The databases take turns, because a busy machine is then busy for both. */
async function compare(
  few: Side,
  many: Side,
  tries: number,
  measure: (side: Side, turn: number) => Promise<number>,
): Promise<[few: number, many: number]> {
  const tookOf = new Map<Side, number[]>([
    [few, []],
    [many, []],
  ]);
  for (let turn = 0; turn < tries; turn++)
    for (const side of turn % 2 === 0 ? [few, many] : [many, few])
      tookOf.get(side)?.push(await measure(side, turn));
  return [median(tookOf.get(few) ?? []), median(tookOf.get(many) ?? [])];
}

interface Operation {
  readonly name: string;
  readonly query: string;
  readonly expected: string;
  readonly tokens: 'admin' | 'user' | 'none';
  readonly variables?: (side: Side, user: number) => object;
  /** The first of the users whose sessions it ends; if left out, it ends nothing, and all users take part. */
  readonly from?: number;
  /** ms; twice the time with few users if left out */
  readonly most?: number;
}

const USERS = 'edges { node { id email } } pageInfo { hasNextPage endCursor }';
const EVENTS = 'edges { node { type createdAt } } pageInfo { hasNextPage }';
const idOf = ({ users }: Side, user: number) => ({ id: users[user]?.userId });
const halfAYear = () => encodeCursor(Date.now() - 182 * 86_400_000, '00000000-0000-4000-8000-000000000000');

const OPERATIONS: readonly Operation[] = [
  {
    name: 'login, with a cheap hash',
    query: LOGIN,
    expected: 'accessToken',
    tokens: 'none',
    variables: ({ users }, user) => ({ input: { email: users[user]?.email, password: PASSWORD } }),
  },
  {
    name: 'refresh',
    query: 'mutation($token: String!) { refresh(refreshToken: $token) { accessToken refreshToken } }',
    expected: 'refreshToken',
    tokens: 'none',
    variables: ({ refreshTokens }, user) => ({ token: refreshTokens[user] }),
  },
  { name: 'me', query: '{ me { id email } }', expected: '"id"', tokens: 'user' },
  { name: 'sessions', query: '{ me { sessions { id lastUsedAt } } }', expected: '"id"', tokens: 'user' },
  { name: 'users', query: `{ users(first: 20) { ${USERS} } }`, expected: '"id"', tokens: 'admin' },
  {
    name: 'users, a later page',
    query: `query($after: String) { users(first: 20, after: $after) { ${USERS} } }`,
    expected: '"edges"',
    tokens: 'admin',
    variables: () => ({ after: halfAYear() }),
  },
  {
    name: 'users, a search that finds all',
    query: `{ users(first: 100, search: "user0") { ${USERS} } }`,
    expected: '"id"',
    tokens: 'admin',
    most: 20,
  },
  {
    name: 'users, a search that finds one',
    query: `query($search: String) { users(search: $search) { ${USERS} } }`,
    expected: '"id"',
    tokens: 'admin',
    variables: ({ users }, user) => ({ search: users[user]?.email.slice(0, -2) }),
    most: 20,
  },
  { name: 'auditEvents', query: `{ auditEvents { ${EVENTS} } }`, expected: 'type', tokens: 'admin' },
  {
    name: 'auditEvents of a user',
    query: `query($id: ID!) { auditEvents(userId: $id) { ${EVENTS} } }`,
    expected: 'type',
    tokens: 'admin',
    variables: idOf,
  },
  {
    name: 'logout',
    query: 'mutation { logout { confirmed } }',
    expected: 'true',
    tokens: 'user',
    from: 0,
  },
  {
    name: 'logoutOthers',
    query: 'mutation { logoutOthers { accessToken } }',
    expected: 'accessToken',
    tokens: 'user',
    from: TRIES,
  },
  {
    name: 'logoutEverywhere',
    query: 'mutation { logoutEverywhere { confirmed } }',
    expected: 'true',
    tokens: 'user',
    from: 2 * TRIES,
  },
  {
    name: 'forceLogout',
    query: 'mutation($id: ID!) { forceLogout(userId: $id) { confirmed } }',
    expected: 'true',
    tokens: 'admin',
    variables: idOf,
    from: 3 * TRIES,
  },
  {
    name: 'setRole',
    query: 'mutation($id: ID!) { setRole(userId: $id, role: ADMIN) { id } }',
    expected: '"id"',
    tokens: 'admin',
    variables: idOf,
    from: 4 * TRIES,
  },
];

type Compare = (
  tries: number,
  measure: (side: Side, turn: number) => Promise<number>,
) => Promise<[number, number]>;

function figure(name: string, [few, many]: [number, number], most?: number): Figure {
  const share = many / few;
  return {
    name,
    measured: `${times(share)}, ${milliseconds(few)} to ${milliseconds(many)}`,
    aim: most === undefined ? aim('<= 2', share <= 2) : aim(`<= ${milliseconds(most)}`, many <= most),
  };
}

async function operate(compareSides: Compare, admins: ReadonlyMap<Side, string>): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const { name, query, expected, tokens, variables, from, most } of OPERATIONS) {
    const took = await compareSides(from === undefined ? FEW : TRIES, (side, turn) => {
      const user = turn + (from ?? 0);
      const token = { admin: admins.get(side), user: side.accessTokens[user], none: undefined }[tokens];
      const request = graphqlRequest(side.node.url, query, token, variables?.(side, user));
      return timed(() => ask(side, request, expected));
    });
    figures.push(figure(name, took, most));
  }
  return figures;
}

const introspect = (compareSides: Compare) =>
  compareSides(FEW, (side, turn) => {
    const token = side.refreshTokens[turn] ?? '';
    const request = formRequest(
      side.node.url,
      '/oauth/introspect',
      { token, token_type_hint: 'refresh_token' },
      SETTINGS.INTROSPECTION_SECRET,
    );
    return timed(() => ask(side, request, '"active":true'));
  });

const purgeBatches = (compareSides: Compare) =>
  compareSides(10, async ({ databaseUrl, dataSource }) => {
    await addSpentSessions(databaseUrl, BATCH);
    return timed(() => purge(dataSource, { now: Date.now() / 1000, clockSkew: 5000, auditRetention: 1e9 }));
  });

// The sessions are counted while all are live, which takes longest.
const endAll = (compareSides: Compare) =>
  compareSides(10, async (side, turn) => {
    const token = await loginAsAdmin(side);
    await reviveSessions(side.databaseUrl, 1);
    const query = 'mutation { forceLogoutAll(reason: "to measure it") { confirmed endedSessions } }';
    const request = graphqlRequest(side.node.url, query, token);
    const took = await timed(() => ask(side, request, '"confirmed":true'));
    await reviveSessions(side.databaseUrl, turn + 2);
    return took;
  });

runBench(`growth: ${FEW} users and ${MANY.toLocaleString('en')}, each with three sessions`, () =>
  withStores(async (stores): Promise<Figure[]> => {
    // The large one first: a node closes a connection that waits for it.
    const many = await openSide(stores, 'many', MANY);
    const few = await openSide(stores, 'few', FEW);
    const compareSides: Compare = (tries, measure) => compare(few, many, tries, measure);
    const admins = new Map([
      [few, await loginAsAdmin(few)],
      [many, await loginAsAdmin(many)],
    ]);
    note('warming up …');
    await introspect(compareSides);
    const introspection = await introspect(compareSides);
    const figures = [
      figure('introspection of a refresh token', introspection),
      ...(await operate(compareSides, admins)),
      figure('a batch of a purge', await purgeBatches(compareSides)),
      figure('forceLogoutAll', await endAll(compareSides), 50),
    ];
    for (const { connection, dataSource, node } of [few, many]) {
      connection.close();
      await dataSource.destroy();
      await node.stop();
    }
    return figures;
  }),
);
