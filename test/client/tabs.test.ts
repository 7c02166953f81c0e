import { settle } from './fake-browser';
import { createFakeWorld, type Opened } from './fake-session';

const MINUTE = 60_000;

/** Three tabs of a browser with a user signed in. The first one leads. */
async function openThree(world: ReturnType<typeof createFakeWorld>): Promise<[Opened, Opened, Opened]> {
  const first = await world.openSignedIn();
  const [second, third] = [world.open(), world.open()];
  await Promise.all([second.session.ready(), third.session.ready()]);
  return [first, second, third];
}
const statuses = (tabs: readonly Opened[]) => tabs.map(({ session }) => session.getSnapshot().status);

test('a tab that is opened later gets its token from the leading one', async () => {
  const world = createFakeWorld();
  const before = world.server.refreshes;
  const tabs = await openThree(world);
  expect(statuses(tabs)).toEqual(Array(3).fill('signedIn'));
  expect(await Promise.all(tabs.map(({ ask }) => ask()))).toEqual(Array(3).fill('ada'));
  // That of the first tab, before the login.
  expect(world.server.refreshes - before).toBe(1);
});

test('one tab refreshes for all: when the token is due, and after a refusal in all of them', async () => {
  const world = createFakeWorld();
  const tabs = await openThree(world);
  const { server, clock } = world;
  await clock.pass(14 * MINUTE);
  expect(server.refreshes).toBe(2);
  server.revokeTokens();
  expect(await Promise.all([...tabs, ...tabs].map(({ ask }) => ask()))).toEqual(Array(6).fill('ada'));
  expect(server.refreshes).toBe(3);
  await clock.pass(60 * MINUTE);
  expect(server.refreshes).toBe(7);
});

test('when the leading tab is closed, another one leads', async () => {
  const world = createFakeWorld();
  const [first, second, third] = await openThree(world);
  const { server, clock } = world;
  first.close();
  await clock.pass(14 * MINUTE);
  server.revokeTokens();
  expect(await Promise.all([second.ask(), third.ask()])).toEqual(['ada', 'ada']);
  expect(server.refreshes).toBe(3);
});

test('when the leading tab is closed while it refreshes, another one does it', async () => {
  const world = createFakeWorld();
  const [first, second, third] = await openThree(world);
  const { server } = world;
  server.revokeTokens();
  let reached: () => void = () => undefined;
  const atServer = new Promise<void>((resolve) => (reached = resolve));
  server.pause = () => {
    if (server.mutations.at(-1) !== 'refresh') return Promise.resolve();
    server.pause = () => Promise.resolve();
    reached();
    return new Promise(() => undefined);
  };
  const asked = [second.ask(), third.ask()];
  await atServer;
  first.close();
  expect(await Promise.all(asked)).toEqual(['ada', 'ada']);
});

test('a leading tab that is frozen loses the lead', async () => {
  const world = createFakeWorld();
  const [first, second, third] = await openThree(world);
  const { server, clock } = world;
  first.freeze();
  server.revokeTokens();
  const asked = [second.ask(), third.ask()];
  await clock.pass(6_000);
  expect(await Promise.all(asked)).toEqual(['ada', 'ada']);
  expect(server.refreshes).toBe(2);
});

test('a tab that is frozen in the middle of a refresh does not hold the cookie for ever', async () => {
  const world = createFakeWorld();
  const [first, second] = await openThree(world);
  const { server, clock } = world;
  let isFirst = true;
  server.pause = () => {
    if (!isFirst || server.mutations.at(-1) !== 'refresh') return Promise.resolve();
    isFirst = false;
    return new Promise(() => undefined);
  };
  // It learns that it has lost the lock.
  const stuck = first.session.refresh().catch((error: unknown) => (error as { code: string }).code);
  await settle();
  first.freeze();
  server.revokeTokens();
  const asked = second.ask();
  await clock.pass(90_000);
  expect(await asked).toBe('ada');
  expect(await stuck).toBe('UNREACHABLE');
});

test('a logout in one tab ends all, each once', async () => {
  const world = createFakeWorld();
  const tabs = await openThree(world);
  await tabs[1].session.logout();
  await settle();
  expect(statuses(tabs)).toEqual(Array(3).fill('signedOut'));
  expect(await Promise.all(tabs.map(({ ask }) => ask()))).toEqual(Array(3).fill('TOKEN_MISSING'));
  await world.clock.pass(60 * MINUTE);
  expect(tabs.map(({ ends }) => ends)).toEqual(Array(3).fill(['logout']));
});

test('an end elsewhere is told once in each tab, however many requests are refused', async () => {
  const world = createFakeWorld();
  const tabs = await openThree(world);
  world.server.endSession();
  expect(await Promise.all([...tabs, ...tabs].map(({ ask }) => ask()))).toEqual(
    Array(6).fill('TOKEN_REVOKED'),
  );
  await settle();
  expect(tabs.map(({ ends }) => ends)).toEqual(Array(3).fill(['ended']));
  expect(world.server.refreshes).toBe(2);
});

test('a login in one tab signs all in; one as another user replaces the session in all', async () => {
  const world = createFakeWorld();
  const tabs = await openThree(world);
  await tabs[2].session.logout();
  await settle();
  await tabs[1].session.login({ email: 'bob', password: 'right' });
  await settle();
  expect(await Promise.all(tabs.map(({ ask }) => ask()))).toEqual(Array(3).fill('bob'));
  await tabs[0].session.login({ email: 'cleo', password: 'right' });
  await settle();
  expect(await Promise.all(tabs.map(({ ask }) => ask()))).toEqual(Array(3).fill('cleo'));
  expect(tabs.map(({ ends }) => ends)).toEqual(Array(3).fill(['logout', 'replaced']));
});

test('a logout waits for the refresh of another tab, so no session comes back', async () => {
  const world = createFakeWorld();
  const tabs = await openThree(world);
  const { server } = world;
  let release: () => void = () => undefined;
  server.pause = () => {
    server.pause = () => Promise.resolve();
    return new Promise<void>((resolve) => (release = resolve));
  };
  const refreshed = tabs[0].session.refresh();
  await settle();
  const left = tabs[1].session.logout();
  await settle();
  expect(server.mutations.at(-1)).toBe('refresh');
  release();
  await refreshed;
  expect(await left).toEqual({ confirmed: true });
  await settle();
  expect(statuses(tabs)).toEqual(Array(3).fill('signedOut'));
  expect(server.cookie).toBeUndefined();
});

test('without the network one tab tries for all, and all come back', async () => {
  const world = createFakeWorld();
  const tabs = await openThree(world);
  const { server, clock } = world;
  server.trouble = 'offline';
  await clock.pass(15 * MINUTE);
  expect(statuses(tabs)).toEqual(Array(3).fill('reconnecting'));
  expect(await Promise.all(tabs.map(({ ask }) => ask()))).toEqual(Array(3).fill('UNREACHABLE'));
  server.trouble = 'none';
  const before = server.refreshes;
  for (const tab of tabs) tab.dispatch('online');
  await settle();
  expect(statuses(tabs)).toEqual(Array(3).fill('signedIn'));
  expect(server.refreshes).toBe(before + 1);
  expect(tabs.map(({ ends }) => ends)).toEqual([[], [], []]);
});

test('a token that a frozen tab hears of late has grown old by then', async () => {
  const world = createFakeWorld();
  const [, second] = await openThree(world);
  const { clock, server } = world;
  await world.openSignedIn('ada');
  // The message waits while the device sleeps.
  clock.sleep(20 * MINUTE);
  await settle();
  expect(await second.ask()).toBe('ada');
  // It was sent once, with a new token.
  expect(server.requests).toHaveLength(1);
});

test('without locks each tab refreshes for itself, and an end is still told to all', async () => {
  const world = createFakeWorld({ locks: false });
  const tabs = await openThree(world);
  world.server.revokeTokens();
  expect(await Promise.all(tabs.map(({ ask }) => ask()))).toEqual(Array(3).fill('ada'));
  await tabs[0].session.logout();
  await settle();
  expect(tabs.map(({ ends }) => ends)).toEqual(Array(3).fill(['logout']));
});
