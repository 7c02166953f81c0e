import { PASSWORD, type Tokens } from '../support/api';
import { repeat } from '../support/repeat';
import { shared, sharedNodes, sharedWorld } from '../support/shared';

const LOGIN = `login(input: {email: "many@example.com", password: "${PASSWORD}"})`;
const LIMIT = { SESSIONS_PER_USER: '12' };

const world = sharedWorld();
const [node, other] = sharedNodes(world, LIMIT, LIMIT);
const admin = shared(() => node.api.loginAsAdmin());

test('a user sees their sessions with device, address and times, and which is current', async () => {
  const laptop = await node.api.register('devices@example.com');
  const agent = { 'user-agent': `Phone/1.0 ${'x'.repeat(1000)}` };
  const phone = (await node.api.tryLogin('devices@example.com', PASSWORD, agent)).data.login;
  const me = await node.api.send(
    '{ me { sessions { id current userAgent ipAddress createdAt lastUsedAt expiresAt } } }',
    {},
    phone.accessToken,
  );
  expect(me.data.me.sessions).toMatchObject([
    { id: phone.session.id, current: true, ipAddress: '127.0.0.1' },
    { id: laptop.session.id, current: false, ipAddress: '127.0.0.1' },
  ]);
  expect(me.data.me.sessions[0].userAgent).toMatch(/^Phone\/1.0 x+$/);
  expect(me.data.me.sessions[0].userAgent.length).toBe(400);
});

describe('a list of sessions', () => {
  let user: Tokens;
  const page = async (args: string) => {
    const answer = await node.api.send(`{ me { sessions${args} { id } } }`, {}, user.accessToken);
    return (node.api.expect(answer).me.sessions as { id: string }[]).map(({ id }) => id);
  };

  beforeAll(async () => {
    await node.api.register('pages@example.com');
    for (let i = 0; i < 5; i++) user = await node.api.login('pages@example.com');
  });

  test('comes in pages', async () => {
    const all = await page('');
    expect(all).toHaveLength(6);
    expect(all[0]).toBe(user.session.id);
    expect(await page('(first: 2)')).toEqual(all.slice(0, 2));
    expect(await page(`(first: 3, after: "${all[1]}")`)).toEqual(all.slice(2, 5));
    expect(await page(`(after: "${all[5]}")`)).toEqual([]);
    // A session that has ended since still marks its place.
    await node.api.end(`logoutSession(sessionId: "${all[2]}")`, user.accessToken);
    expect(await page(`(after: "${all[2]}")`)).toEqual(all.slice(3));
  });

  test.each(['after: "nothing"', `after: "${'0'.repeat(8)}-0000-4000-8000-${'0'.repeat(12)}"`])(
    'has no page after what is not in it: %s',
    async (after) => expect(await page(`(${after})`)).toEqual([]),
  );

  test("has no page after another user's session", async () => {
    expect(await page(`(after: "${admin.session.id}")`)).toEqual([]);
  });

  test.each([0, -1, 101])('has no page of %d', async (first) => {
    const answer = await node.api.send(
      `{ me { ok: sessions { id } sessions(first: ${first}) { id } } }`,
      {},
      user.accessToken,
    );
    expect(answer).toMatchObject({ status: 400, code: 'BAD_USER_INPUT' });
  });
});

describe('SESSIONS_PER_USER', () => {
  let first: Tokens;

  beforeAll(async () => {
    first = await node.api.register('many@example.com');
    await node.api.send(`mutation { ${repeat(10, (i) => `a${i}: ${LOGIN} { accessTokenExpiresAt }`)} }`);
    await node.api.login('many@example.com');
  });

  const live = () =>
    world.sql<{ id: string }>(
      'select s.id from sessions s join users u on u.id = s.user_id where u.email = $1 and s.ended_at is null',
      ['many@example.com'],
    );

  test('one session more ends the least recently used one, on every node, confirmed and recorded', async () => {
    expect(await live()).toHaveLength(12);
    expect((await other.api.me(first.accessToken)).status).toBe(200);
    const answer = await node.api.send(`mutation { ${LOGIN} { accessToken session { id } } }`);
    expect(answer.extensions?.revocations).toEqual([
      expect.objectContaining({ scope: 'SESSION', endedSessions: 1, confirmed: true }),
    ]);
    for (const { api } of [other, node])
      expect(await api.me(first.accessToken)).toMatchObject({ status: 401, reason: 'TOKEN_REVOKED' });
    expect(await node.api.refresh(first.refreshToken)).toMatchObject({ code: 'REFRESH_TOKEN_INVALID' });
    expect(await live()).toHaveLength(12);
    const [event] = await world.sql<{ session_id: string; reason: string }>(
      "select session_id, reason from audit_events where type = 'OLDEST_SESSION_ENDED'",
    );
    expect(event).toEqual({
      session_id: first.session.id,
      reason: 'A user has at most 12 sessions. This many were ended: 1.',
    });
  });

  test('a session in use stays', async () => {
    const oldest = await world.sql<{ id: string }>(
      `select s.id from sessions s join users u on u.id = s.user_id where u.email = $1 and s.ended_at is null
       order by last_used_at, s.id limit 2`,
      ['many@example.com'],
    );
    await world.sql('update sessions set last_used_at = now() where id = $1', [oldest[0]?.id]);
    await node.api.login('many@example.com');
    const ids = (await live()).map(({ id }) => id);
    expect(ids).toContain(oldest[0]?.id);
    expect(ids).not.toContain(oldest[1]?.id);
  });

  test('logins at once leave at most one session too many each, and the next login ends these', async () => {
    await Promise.all(
      Array.from({ length: 6 }, (_, i) => (i % 2 ? node : other).api.login('many@example.com')),
    );
    const { length } = await live();
    expect(length).toBeGreaterThanOrEqual(12);
    expect(length).toBeLessThanOrEqual(12 + 5);
    await node.api.login('many@example.com');
    expect(await live()).toHaveLength(12);
    // None was ended twice.
    const twice = await world.sql(
      `select session_id from revocations where kind = 'SESSION' group by session_id having count(*) > 1`,
    );
    expect(twice).toEqual([]);
  });

  test('a lower limit applies from the next login', async () => {
    const lower = await world.node({ SESSIONS_PER_USER: '3' });
    const answer = await lower.api.send(`mutation { ${LOGIN} { session { id } } }`);
    expect(answer.extensions?.revocations).toEqual([
      expect.objectContaining({ endedSessions: 10, confirmed: true }),
    ]);
    expect(await live()).toHaveLength(3);
  });
});
