import { settle } from './fake-browser';
import { API_URL, AUTH_URL } from './fake-server';
import { createFakeWorld } from './fake-session';

const MINUTE = 60_000;

test('a session does nothing before its first use', async () => {
  const { open, server, browser, clock } = createFakeWorld();
  const { session } = open();
  await clock.pass(60 * MINUTE);
  expect(session.getSnapshot()).toEqual({ status: 'restoring' });
  expect([server.mutations, browser.messages]).toEqual([[], []]);
});

test('a page finds its session by the cookie, and is told the same object until something changes', async () => {
  const { open, openSignedIn } = createFakeWorld();
  (await openSignedIn()).close();
  const { session } = open();
  const seen: string[] = [];
  session.subscribe(() => seen.push(session.getSnapshot().status));
  const state = await session.ready();
  expect(state).toEqual({
    ...{ status: 'signedIn', sessionId: 'session-1' },
    user: { id: 'ada', email: 'ada' },
  });
  expect(session.getSnapshot()).toBe(state);
  expect(seen).toEqual(['signedIn']);
});

test('a listener alone makes a page find its session', async () => {
  const { open, openSignedIn } = createFakeWorld();
  (await openSignedIn()).close();
  const { session } = open();
  session.subscribe(() => undefined);
  await settle();
  expect(session.getSnapshot().status).toBe('signedIn');
});

test('without a session nobody is signed in, and no end is told', async () => {
  const { open } = createFakeWorld();
  const { session, ends, ask } = open();
  expect(await session.ready()).toEqual({ status: 'signedOut' });
  expect(await ask()).toBe('TOKEN_MISSING');
  expect(ends).toEqual([]);
});

test('no token is in the state, or on the session', async () => {
  const { openSignedIn } = createFakeWorld();
  const { session } = await openSignedIn();
  expect(JSON.stringify(session.getSnapshot())).not.toContain('token-');
  expect(JSON.stringify(session)).not.toContain('token-');
});

test('a refused sign-in throws the code of the API and changes nothing', async () => {
  const { openSignedIn } = createFakeWorld();
  const { session, ask, ends } = await openSignedIn();
  await expect(session.login({ email: 'bob', password: 'wrong' })).rejects.toMatchObject({
    ...{ name: 'SessionError', code: 'INVALID_CREDENTIALS', message: 'Refused.' },
  });
  expect(await ask()).toBe('ada');
  expect(ends).toEqual([]);
});

test('twenty requests with a token that has expired or was revoked cause one refresh, and are all served', async () => {
  const { openSignedIn, server, clock } = createFakeWorld();
  const { ask } = await openSignedIn();
  const askTwenty = () => Promise.all(Array.from({ length: 20 }, () => ask()));
  server.revokeTokens();
  expect(new Set(await askTwenty())).toEqual(new Set(['ada']));
  expect(server.refreshes).toBe(2);
  clock.sleep(20 * MINUTE);
  expect(new Set(await askTwenty())).toEqual(new Set(['ada']));
  expect(server.refreshes).toBe(3);
  // The first one came from the page itself, before the login.
  expect(server.mutations).toEqual(['refresh', 'login', 'refresh', 'refresh']);
});

test('a refusal that arrives after the refresh causes no second one', async () => {
  const { openSignedIn, server } = createFakeWorld();
  const { ask } = await openSignedIn();
  server.revokeTokens();
  let release: () => void = () => undefined;
  const late = new Promise<void>((resolve) => (release = resolve));
  server.pause = () => {
    server.pause = () => Promise.resolve();
    return late;
  };
  const lateOne = ask();
  await settle();
  expect(await ask()).toBe('ada');
  release();
  expect(await lateOne).toBe('ada');
  expect(server.refreshes).toBe(2);
});

test.each([
  ['is right', 0],
  ['is a year ahead', -365 * 24 * 60 * MINUTE],
  ['is a year behind', 365 * 24 * 60 * MINUTE],
])('a token is renewed shortly before it expires, if the clock of the device %s', async (_how, skew) => {
  const { openSignedIn, server, clock } = createFakeWorld();
  server.skew = skew;
  const { ask } = await openSignedIn();
  await clock.pass(12 * MINUTE);
  expect(server.refreshes).toBe(1);
  await clock.pass(2 * MINUTE);
  expect(server.refreshes).toBe(2);
  expect(await ask()).toBe('ada');
  await clock.pass(60 * MINUTE);
  expect(server.refreshes).toBe(6);
});

test('after sleep the token is renewed when the page wakes, or before a request, though no timer has run', async () => {
  const { openSignedIn, server, clock } = createFakeWorld();
  const { ask, dispatch } = await openSignedIn();
  clock.sleep(14 * MINUTE);
  dispatch('visibilitychange');
  await settle();
  expect(server.refreshes).toBe(2);
  dispatch('focus');
  await settle();
  expect(server.refreshes).toBe(2);
  clock.sleep(60 * MINUTE);
  expect(await ask()).toBe('ada');
  expect([server.refreshes, server.requests]).toEqual([3, [expect.any(String)]]);
});

test('a clock that is set back does not prolong a token', async () => {
  const { openSignedIn, server, clock } = createFakeWorld();
  const { ask } = await openSignedIn();
  clock.setBack(24 * 60 * MINUTE);
  server.trouble = 'offline';
  await clock.pass(16 * MINUTE);
  expect([await ask(), server.requests]).toEqual(['UNREACHABLE', []]);
});

test('without the network the session goes on, is tried again ever less often, and is back at once with the network', async () => {
  const { openSignedIn, server, clock } = createFakeWorld();
  const { session, ask, ends, dispatch } = await openSignedIn();
  server.trouble = 'offline';
  await clock.pass(14 * MINUTE);
  expect(session.getSnapshot()).toMatchObject({
    ...{ status: 'reconnecting', user: { id: 'ada' } },
    fault: { code: 'UNREACHABLE' },
  });
  // The token is still good, so the API is asked.
  expect(await ask()).toBe('ada');
  await clock.pass(2 * MINUTE);
  expect(await ask()).toBe('UNREACHABLE');
  const before = server.refreshes;
  await clock.pass(60 * MINUTE);
  // Every 15 to 30 seconds.
  expect(server.refreshes - before).toBeGreaterThanOrEqual(110);
  expect(server.refreshes - before).toBeLessThanOrEqual(250);
  server.trouble = 'none';
  dispatch('online');
  await settle();
  expect(session.getSnapshot().status).toBe('signedIn');
  expect(await ask()).toBe('ada');
  expect(ends).toEqual([]);
});

test('a server that cannot answer, or does not, ends no session, and each request says why it failed', async () => {
  const { openSignedIn, server, clock } = createFakeWorld();
  const { session, ask, ends } = await openSignedIn();
  server.revokeTokens();
  server.trouble = { code: 'SERVICE_UNAVAILABLE', retryAfter: 100 };
  const before = server.refreshes;
  expect(await Promise.all([ask(), ask()])).toEqual(['SERVICE_UNAVAILABLE', 'SERVICE_UNAVAILABLE']);
  expect(server.refreshes).toBe(before + 1);
  // The next attempt waits as the server asks.
  await clock.pass(99_000);
  expect(server.refreshes).toBe(before + 1);
  server.trouble = 'silent';
  await clock.pass(2_000);
  const asked = ask();
  await clock.pass(30_000);
  expect(await asked).toBe('UNREACHABLE');
  expect(session.getSnapshot()).toMatchObject({ status: 'reconnecting', fault: { code: 'UNREACHABLE' } });
  server.trouble = 'none';
  expect(await ask()).toBe('ada');
  expect(ends).toEqual([]);
});

test('a page that is opened without the network waits, and finds its session later', async () => {
  const { open, openSignedIn, server, clock } = createFakeWorld();
  (await openSignedIn()).close();
  server.trouble = 'offline';
  const { session, ask } = open();
  await expect(session.ready()).rejects.toMatchObject({ code: 'UNREACHABLE' });
  expect(session.getSnapshot()).toMatchObject({ status: 'restoring', fault: { code: 'UNREACHABLE' } });
  expect(await ask()).toBe('UNREACHABLE');
  server.trouble = 'none';
  await clock.pass(MINUTE);
  expect(session.getSnapshot().status).toBe('signedIn');
});

test('an end elsewhere is told once, and each request fails with its own error', async () => {
  const { openSignedIn, server, clock } = createFakeWorld();
  const { session, ask, ends } = await openSignedIn();
  server.endSession();
  expect(await Promise.all([ask(), ask(), ask()])).toEqual(Array(3).fill('TOKEN_REVOKED'));
  expect(session.getSnapshot()).toEqual({ status: 'signedOut', reason: 'ended' });
  expect(await ask()).toBe('TOKEN_MISSING');
  await clock.pass(60 * MINUTE);
  expect([ends, server.refreshes]).toEqual([['ended'], 2]);
});

test('the reuse of a refresh token has a reason of its own', async () => {
  const { openSignedIn, server } = createFakeWorld();
  const { session, ends } = await openSignedIn();
  server.trouble = { code: 'REFRESH_TOKEN_REUSED' };
  expect(await session.refresh()).toEqual({ status: 'signedOut', reason: 'reused' });
  await settle();
  expect(ends).toEqual(['reused']);
});

test('a logout ends the session, and is told once', async () => {
  const { openSignedIn, server } = createFakeWorld();
  const { session, ends } = await openSignedIn();
  expect(await session.logout()).toEqual({ confirmed: true });
  expect(await session.logout()).toBeUndefined();
  expect(ends).toEqual(['logout']);
  expect(server.isAlive('session-1')).toBe(false);
});

test('a logout that the server could not make keeps the user signed in', async () => {
  const { openSignedIn, server } = createFakeWorld();
  const { session, ask, ends } = await openSignedIn();
  server.trouble = { code: 'SERVICE_UNAVAILABLE' };
  await expect(session.logout()).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE' });
  expect(await ask()).toBe('ada');
  // A session that the server no longer knows keeps nobody.
  server.trouble = { code: 'UNAUTHENTICATED' };
  expect(await session.logout()).toBeUndefined();
  expect(ends).toEqual(['logout']);
});

test('a logout before it is known who is signed in ends the session too, or throws', async () => {
  const { openSignedIn, open, server } = createFakeWorld();
  const first = await openSignedIn();
  first.session.close();
  server.trouble = { code: 'SERVICE_UNAVAILABLE' };
  const { session } = open();
  await expect(session.logout()).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE' });
  expect(server.isAlive('session-1')).toBe(true);
  server.trouble = 'none';
  expect(await session.logout()).toEqual({ confirmed: true });
  expect(server.isAlive('session-1')).toBe(false);
});

test('what needs a good token refreshes before it: a change of password, and the logout of others and of all', async () => {
  const { openSignedIn, server } = createFakeWorld();
  const { session, ask } = await openSignedIn();
  server.revokeTokens();
  expect(await session.changePassword({ currentPassword: 'a', newPassword: 'b' })).toMatchObject({
    id: 'ada',
  });
  expect(await ask()).toBe('ada');
  expect(await session.logoutOthers()).toMatchObject({ id: 'ada' });
  expect(await ask()).toBe('ada');
  await session.logoutEverywhere();
  const withRefresh = (field: string) => ['refresh', field];
  expect(server.mutations.slice(2)).toEqual(
    ['changePassword', 'logoutOthers', 'logoutEverywhere'].flatMap(withRefresh),
  );
});

test('a second sign-in ends the session before it on the server; the same user goes on without an end', async () => {
  const { openSignedIn, server } = createFakeWorld();
  const { session, ends } = await openSignedIn();
  await session.login({ email: 'ada', password: 'right' });
  await settle();
  expect([ends, server.isAlive('session-1'), server.cookie?.isAlive]).toEqual([[], false, true]);
  await session.register({ email: 'bob', password: 'right' });
  await settle();
  expect(ends).toEqual(['replaced']);
  expect(session.getSnapshot()).toMatchObject({ status: 'signedIn', user: { id: 'bob' } });
});

test('no request is repeated for another user who has signed in meanwhile', async () => {
  const { openSignedIn, server } = createFakeWorld();
  const { session, ask } = await openSignedIn();
  server.revokeTokens();
  let release: () => void = () => undefined;
  const late = new Promise<void>((resolve) => (release = resolve));
  server.pause = () => {
    server.pause = () => Promise.resolve();
    return late;
  };
  const asked = ask();
  await settle();
  await session.login({ email: 'bob', password: 'right' });
  release();
  expect(await asked).toBe('TOKEN_REVOKED');
  expect(await ask()).toBe('bob');
});

test('a token that is refused as if it were new is not refreshed for every request', async () => {
  const { openSignedIn, server, clock } = createFakeWorld();
  const { ask } = await openSignedIn();
  server.revokeTokens();
  server.refusal = () => new Response('Who are you?', { status: 401 });
  const { refreshes } = server;
  for (let request = 0; request < 5; request++) await ask();
  expect(server.refreshes).toBe(refreshes);
  await clock.pass(31_000);
  for (let request = 0; request < 5; request++) await ask();
  expect(server.refreshes).toBe(refreshes + 1);
});

test('a token that a REST API refuses by the status alone is renewed', async () => {
  const { openSignedIn, server, clock } = createFakeWorld();
  const { ask } = await openSignedIn();
  await clock.pass(31_000);
  server.revokeTokens();
  server.refusal = () => Response.json({ error: 'expired' }, { status: 401 });
  expect(await ask()).toBe('ada');
});

test('the token goes to the named origins only, and never over one that the page has set', async () => {
  const { openSignedIn, server } = createFakeWorld();
  const { session } = await openSignedIn();
  const elsewhere = await session.fetch('https://elsewhere.example.com/').catch((error: unknown) => error);
  expect(elsewhere).toBeInstanceOf(Response);
  await session.fetch(API_URL, { headers: { authorization: 'Bearer their-own' } });
  await session.fetch(API_URL);
  await session.fetch(new Request(AUTH_URL, { method: 'POST', body: '{"query":"mutation{x}"}' }));
  expect(server.requests).toEqual([null, 'their-own', expect.stringMatching(/^token-/)]);
});

test.each([
  ['a query that was served in part', '{ products whoami }', { products: 1 }, true],
  ['a mutation that was refused as a whole', 'mutation { buy }', null, true],
  ['a mutation that was served in part', 'mutation { buy whoami }', { buy: 1 }, false],
])('%s: is it repeated?', async (_what, query, data, isRepeated) => {
  const { openSignedIn, server } = createFakeWorld();
  const { ask } = await openSignedIn();
  server.revokeTokens();
  // Status 200, as behind a gateway.
  server.refusal = (reason) =>
    Response.json({
      data,
      errors: [{ message: 'Refused.', extensions: { code: 'UNAUTHENTICATED', reason } }],
    });
  expect(await ask(query)).toBe(isRepeated ? 'ada' : 'TOKEN_REVOKED');
});

test('a closed session lets go of its timers', async () => {
  const { openSignedIn, server, clock } = createFakeWorld();
  const { session } = await openSignedIn();
  session.close();
  await clock.pass(60 * MINUTE);
  expect(server.refreshes).toBe(1);
});
