import { systemClock } from '../../src/core/clock';
import type { LoggedRevocation } from '../../src/core/revocation';
import { EmbeddedFollowing } from '../../src/protocol/embedded-following';
import type { FollowerConnection, Start } from '../../src/protocol/followers';
import { outlasting } from '../../src/protocol/lease';
import { NodeFollowers } from '../../src/protocol/node-followers';
import { View } from '../../src/protocol/view';
import { logged } from '../support/protocol-node';

const LEASE = 1000;
const W = outlasting(LEASE);

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

/** The followers of an embedded process whose log is loaded. */
function embedded(settleTime = 0) {
  const view = new View(100, () => Date.now());
  const followers = new NodeFollowers({ databaseId: 'D', lease: LEASE, view, clock: systemClock });
  const following = new EmbeddedFollowing({
    followers,
    clock: systemClock,
    lease: LEASE,
    tokenTtl: 900,
    settleTime,
  });
  following.took(logged({ kind: 'SESSION', userId: 'U', sessionId: 'loaded' }));
  following.loaded(() => true);
  /** Takes a revocation into the view, then publishes it. Returns what that has come to. */
  const revoke = (sessionId: string) => {
    const outcome: { way?: string } = {};
    following.took(logged({ kind: 'SESSION', userId: 'U', sessionId }));
    void following.publish().then((way) => (outcome.way = way));
    return outcome;
  };
  return { followers, following, revoke };
}

/** A follower that has loaded. It acknowledges only what the test says. */
async function join(followers: NodeFollowers) {
  const starts: Start[] = [];
  const got: LoggedRevocation[] = [];
  const seen = { position: 0, askedFor: '' };
  const connection: FollowerConnection = {
    begin: (start) => {
      starts.push(start);
      seen.position = start.position;
    },
    send: (entries, position) => {
      got.push(...entries);
      seen.position = position;
    },
    takeBack: (joining) => (seen.askedFor = joining),
    ranOutOwing: () => undefined,
  };
  const follower = followers.join(connection);
  await jest.advanceTimersByTimeAsync(0);
  const joining = () => starts.at(-1)!.joining;
  follower.loaded(joining());
  return {
    starts,
    got,
    seen,
    follower,
    beat: () => follower.beat(1, joining(), seen.position),
    ack: () => follower.ack(joining(), seen.position),
  };
}

const pass = (ms: number) => jest.advanceTimersByTimeAsync(ms);

test('without followers, a commit confirms', async () => {
  const { revoke } = embedded();
  const outcome = revoke('S');
  await pass(0);
  expect(outcome.way).toBe('committed');
});

test('a confirmation waits for each follower with a grant', async () => {
  const { followers, revoke } = embedded();
  const [one, two] = [await join(followers), await join(followers)];
  expect(one.starts[0]).toMatchObject({ position: 1 });
  expect(one.beat()).toMatchObject({ grant: 985, tail: 1, longestTokenTtl: 900 });
  two.beat();
  const outcome = revoke('S');
  expect(one.got).toMatchObject([{ sessionId: 'S' }]);
  one.ack();
  await pass(10);
  expect(outcome.way).toBeUndefined();
  two.ack();
  await pass(0);
  expect(outcome.way).toBe('applied');
});

test('a follower that never acknowledges and whose grants are renewed delays a confirmation by W, not for ever', async () => {
  const { followers, revoke } = embedded();
  const stuck = await join(followers);
  stuck.beat();
  const outcome = revoke('S');
  for (let passed = 0; passed + 100 < W; passed += 100) {
    await pass(100);
    stuck.follower.beat(1, stuck.starts[0]!.joining, 1);
    expect(outcome.way).toBeUndefined();
  }
  await pass(100);
  expect(outcome.way).toBe('outwaited');
});

test('what is taken in without a publication is handed to followers too', async () => {
  const { followers, following } = embedded();
  const one = await join(followers);
  following.took(logged({ kind: 'SESSION', userId: 'U', sessionId: 'found by a load' }));
  await pass(0);
  expect(one.got).toMatchObject([{ sessionId: 'found by a load' }]);
  expect(one.seen.position).toBe(2);
});

test('a process whose predecessor may have crashed confirms nothing before that one’s grants are over', async () => {
  const { followers, revoke } = embedded(W);
  await pass(500);
  const early = revoke('S');
  await pass(W - 501);
  expect(early.way).toBeUndefined();
  await pass(3);
  expect(early.way).toBe('applied');
  const one = await join(followers);
  one.beat();
  const later = revoke('S2');
  one.ack();
  await pass(0);
  expect(later.way).toBe('applied');
});

test('a predecessor with a longer lease is outlasted too', async () => {
  const { revoke } = embedded(outlasting(5000));
  const outcome = revoke('S');
  await pass(W + 10);
  expect(outcome.way).toBeUndefined();
  await pass(outlasting(5000) - W);
  expect(outcome.way).toBe('outwaited');
});

test('after a view was given up, nothing is confirmed fast until its grants are returned; the next load begins anew', async () => {
  const { followers, following, revoke } = embedded();
  const one = await join(followers);
  one.beat();
  const left = following.left();
  expect(one.seen.askedFor).toBe(one.starts[0]!.joining);
  const outcome = revoke('S');
  // It is in the next snapshot.
  expect(one.got).toEqual([]);
  following.loaded(() => true);
  expect(one.starts).toHaveLength(2);
  expect(one.starts[1]).toMatchObject({ position: 2 });
  expect(one.starts[1]!.epoch).not.toBe(one.starts[0]!.epoch);
  await pass(10);
  expect(outcome.way).toBeUndefined();
  one.follower.returned(one.starts[0]!.joining);
  await left;
  await pass(0);
  expect(outcome.way).toBe('applied');
});

test('a view that is not current grants nothing', async () => {
  const { followers, following } = embedded();
  await following.left();
  following.loaded(() => false);
  const one = await join(followers);
  expect(one.beat()).toMatchObject({ grant: 0, reason: 'NOT_CURRENT' });
});
