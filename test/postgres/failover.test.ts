import { adminHere } from '../support/admin-command';
import type { Client } from 'pg';
import type { Answer, Tokens } from '../support/api';
import { eventually } from '../support/eventually';
import { ask, guardMaker, ISSUER, trusting } from '../support/guards';
import { withPostgres } from '../support/postgres';
import { type PostgresPair, startPostgresPair } from '../support/postgres-pair';
import { readinessOf, untilViewIsCurrent } from '../support/probes';
import { type Proxy, startProxy } from '../support/proxy';
import { withRedis } from '../support/redis';
import { startRedis, type TestServer } from '../support/servers';
import { type Env, startNode, TEST_ENV, type TestNode } from '../support/world';

const INTROSPECTION_SECRET = 'only for the tests of a failover: 5f9c';

let pair: PostgresPair;
let redis: TestServer;
const nodes: TestNode[] = [];
const proxies: Proxy[] = [];
const newGuard = guardMaker();

beforeEach(async () => {
  [pair, redis] = await Promise.all([startPostgresPair(), startRedis()]);
  await withPostgres(pair.primary.url, (client) => client.query('create database copies'));
});
afterEach(async () => {
  for (const node of nodes.splice(0)) await node.close();
  for (const proxy of proxies.splice(0)) await proxy.close();
  await Promise.all([pair.dispose(), redis.dispose()]);
});

/** Nodes without Redis use one database of the pair, and nodes with Redis the other. */
const urlOn = (server: TestServer, { REDIS_URL }: Env) =>
  REDIS_URL === undefined ? server.url : server.url.replace(/postgres$/, 'copies');

/** Starts a node whose way to Postgres can be led to the new primary. */
async function startLedNode(env: Env = {}) {
  const proxy = await startProxy(urlOn(pair.primary, env));
  proxies.push(proxy);
  const node = await startNode({ ISSUER, INTROSPECTION_SECRET, ...env, DATABASE_URL: proxy.url });
  nodes.push(node);
  const follow = () => proxy.redirect(urlOn(pair.standby, env));
  return { ...node, databaseUrl: proxy.url, follow };
}

/** Starts one after the other: the first one migrates. */
const startTwo = async (env: Env = {}) => [await startLedNode(env), await startLedNode(env)] as const;

async function post(node: TestNode, path: string, form: Record<string, string>): Promise<unknown> {
  const response = await fetch(`${node.url}${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${INTROSPECTION_SECRET}` },
    body: new URLSearchParams(form),
  });
  return { status: response.status, body: await response.text() };
}

const revokedAt = (node: TestNode, { accessToken }: Tokens) =>
  eventually(async () => expect((await node.api.me(accessToken)).reason).toBe('TOKEN_REVOKED'));

test('a primary that was paused and superseded answers no check, and ends nothing, when it goes on', async () => {
  const [left, right] = await startTwo();
  const toRedis = await startProxy(redis.url);
  proxies.push(toRedis);
  const cached = await startLedNode({ REDIS_URL: toRedis.url });
  const other = await startLedNode({ REDIS_URL: redis.url });
  await untilViewIsCurrent(cached);
  const [ended, user] = [await left.api.newUser(), await left.api.newUser()];
  const next = await left.api.refreshed(user);
  const inCopies = await cached.api.newUser();

  const thaw = await pair.freeze();
  toRedis.cut();
  await pair.promote();
  right.follow();
  other.follow();
  for (const { accessToken } of [ended, next])
    await eventually(async () =>
      expect(await right.api.end('logoutEverywhere', accessToken)).toMatchObject({ confirmed: true }),
    );
  const late = await right.api.newUser();
  await eventually(async () =>
    expect(await other.api.end('logoutEverywhere', inCopies.accessToken)).toMatchObject({ confirmed: true }),
  );
  // Redis is back with nothing, so the node loads the log, and reads Postgres for each check.
  await withRedis(redis.url, (client) => client.flushall());
  toRedis.restore();

  // All of these begin after the receipts, and reach the old primary while it is paused.
  const answers = Promise.all([
    left.api.me(ended.accessToken),
    left.api.me(next.accessToken),
    // The token just before is answered again, by a statement that changes nothing.
    left.api.refresh(user.refreshToken),
    // The old primary knows nothing of these.
    left.api.refresh(late.refreshToken),
    post(left, '/oauth/revoke', { token: late.refreshToken }),
    post(left, '/oauth/introspect', { token: ended.accessToken }),
    cached.api.me(inCopies.accessToken),
  ]);
  const command = adminHere(['logout', late.user.email], {
    SECRET: TEST_ENV.SECRET,
    DATABASE_URL: left.databaseUrl,
  });
  thaw();
  for (const answer of await answers) expect(answer).toMatchObject({ status: 503 });
  expect(await readinessOf(cached)).toMatchObject({ view: 'not current' });
  expect(await command).toMatchObject({ code: 1 });

  // The old primary has reached no record.
  const guard = await newGuard({
    ...trusting(other),
    redis: redis.url,
    view: false,
    introspection: { url: `${other.url}/oauth/introspect`, secret: INTROSPECTION_SECRET },
  });
  expect(await ask(guard, inCopies)).toMatchObject({ ok: false, code: 'TOKEN_REVOKED' });

  left.follow();
  cached.follow();
  await revokedAt(left, ended);
  await revokedAt(cached, inCopies);
  await untilViewIsCurrent(cached);
  // Nothing was lost that only the new primary has.
  await eventually(() => left.api.refreshed(late));
});

/** Signs users in and out until `stop`, and notes what was acknowledged. What fails with 503 may or may not have happened. */
async function load(nodes: readonly TestNode[], isOver: () => boolean) {
  const [emails, ended]: [string[], Tokens[]] = [[], []];
  const at = (i: number) => nodes[i % nodes.length]!;
  const tried = <T>(work: Promise<T>) =>
    work.catch((error: unknown) => {
      if (!/SERVICE_UNAVAILABLE/.test((error as Error).message)) throw error;
      return undefined;
    });
  for (let i = 0; !isOver(); i++) {
    const first = await tried(at(i).api.newUser());
    if (!first) continue;
    emails.push(first.user.email);
    const next = await tried(at(i + 1).api.refreshed(first));
    if (!next) continue;
    const receipt = await tried(at(i).api.end('logoutEverywhere', next.accessToken));
    if (receipt?.confirmed !== true) continue;
    ended.push(next);
    for (const { api } of nodes) {
      const { status, reason } = await api.me(next.accessToken);
      expect([status, reason]).toEqual(status === 503 ? [503, undefined] : [401, 'TOKEN_REVOKED']);
    }
  }
  return { emails, ended };
}

async function countLogouts(client: Client): Promise<number> {
  const { rows } = await client.query<{ count: number }>(
    `select count(*)::int as count from revocations where kind = 'USER'`,
  );
  return rows[0]!.count;
}

test('a primary that is killed under load loses nothing acknowledged, and no ended token is accepted', async () => {
  const plain = await startTwo();
  const copies = await startTwo({ REDIS_URL: redis.url });
  const state = { isOver: false };
  const loads = Promise.all(
    [plain, copies].flatMap((each) => [1, 2].map(() => load(each, () => state.isOver))),
  );
  const logouts = (server: TestServer, env: Env) => withPostgres(urlOn(server, env), countLogouts);
  const both = [{}, { REDIS_URL: redis.url }];
  const after = async (server: TestServer, least: number) => {
    for (const env of both)
      await eventually(async () => expect(await logouts(server, env)).toBeGreaterThan(least));
  };
  await after(pair.primary, 5);
  await pair.primary.kill();
  await pair.promote();
  for (const node of [...plain, ...copies]) node.follow();
  const reached = Math.max(...(await Promise.all(both.map((env) => logouts(pair.standby, env)))));
  await after(pair.standby, reached + 5);
  state.isOver = true;

  const [one, two, three, four] = await loads;
  for (const [[{ api }], { emails, ended }] of [
    [plain, one!],
    [plain, two!],
    [copies, three!],
    [copies, four!],
  ] as const) {
    expect(emails.length).toBeGreaterThan(0);
    for (const email of emails) expect((await api.tryLogin(email)).code).toBeUndefined();
    for (const { accessToken, refreshToken } of ended) {
      expect((await api.me(accessToken)).reason).toBe('TOKEN_REVOKED');
      expect((await api.refresh(refreshToken)).code).toBe('REFRESH_TOKEN_INVALID');
    }
  }
});

test('a commit whose wait for the standby is cancelled is not acknowledged', async () => {
  // Hides the warning by which Postgres reports it.
  await withPostgres(pair.primary.url, (client) =>
    client.query('alter role tokenfence set client_min_messages = error'),
  );
  const env = { REDIS_URL: redis.url };
  const node = await startLedNode(env);
  await untilViewIsCurrent(node);
  const { accessToken } = await node.api.newUser();
  await pair.standby.kill();
  const state: { answer?: Answer } = {};
  const answering = node.api
    .send('mutation { logoutEverywhere { confirmed } }', {}, accessToken)
    .then((answer) => (state.answer = answer));
  await withPostgres(pair.primary.url, (client) =>
    eventually(async () => {
      await client.query(`select pg_cancel_backend(pid) from pg_stat_activity where wait_event = 'SyncRep'`);
      expect(state.answer).toBeDefined();
    }),
  );
  expect(await answering).toMatchObject({ status: 503 });
  // It was committed here, and nowhere else.
  expect(await withPostgres(urlOn(pair.primary, env), countLogouts)).toBe(1);
});
