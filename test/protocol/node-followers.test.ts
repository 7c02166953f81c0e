import { systemClock } from '../../src/core/clock';
import { MOST_ENTRIES } from '../../src/core/follow-messages';
import type { LoggedRevocation } from '../../src/core/revocation';
import type { FollowerConnection, Start } from '../../src/protocol/followers';
import { NodeFollowers } from '../../src/protocol/node-followers';
import { View } from '../../src/protocol/view';
import { logged } from '../support/protocol-node';

const LENDER = { left: () => 1000, longestTokenTtl: 900, onRisen: () => undefined };
const session = (sessionId: string) => logged({ kind: 'SESSION', userId: 'U', sessionId });
const nextTurn = () => new Promise((resolve) => setImmediate(resolve));

function node() {
  const view = new View(100_000, () => Date.now());
  return new NodeFollowers({ databaseId: 'D', lease: 1000, view, clock: systemClock });
}

/** A connection that notes what it was told. */
class Told implements FollowerConnection {
  readonly starts: Start[] = [];
  readonly got: LoggedRevocation[] = [];
  readonly positions: number[] = [];
  readonly askedFor: string[] = [];
  begin(start: Start): void {
    this.starts.push(start);
  }
  send(entries: readonly LoggedRevocation[], position: number): void {
    this.got.push(...entries);
    this.positions.push(position);
  }
  takeBack(joining: string): void {
    this.askedFor.push(joining);
  }
  ranOutOwing(): void {}
}

/** A node at position 10 of the epoch E, with a follower that holds a grant. */
async function followed() {
  const followers = node();
  followers.joined({ epoch: 'E', position: 10 });
  followers.loaded('J1', { epoch: 'E', position: 10 }, LENDER);
  const connection = new Told();
  const follower = followers.join(connection);
  await nextTurn();
  follower.loaded('J1');
  expect(follower.beat(1, 'J1', 10)).toMatchObject({ number: 1, joining: 'J1', tail: 10 });
  return { followers, connection, follower };
}

test('a follower begins when the load of its node is done, not before', async () => {
  const followers = node();
  followers.joined({ epoch: 'E', position: 3 });
  const connection = new Told();
  const follower = followers.join(connection);
  followers.read([session('S')], 4);
  followers.took(session('S2'));
  await nextTurn();
  expect(connection).toMatchObject({ starts: [], got: [] });
  expect(follower.beat(1, 'J1', 4).grant).toBe(0);
  followers.loaded('J1', { epoch: 'E', position: 4 }, LENDER);
  expect(connection.starts).toEqual([{ joining: 'J1', epoch: 'E', position: 4 }]);
  expect(follower.beat(2, 'J1', 4)).toMatchObject({ grant: 0, reason: 'BEHIND' });
  expect(follower.loaded('J1')).toBe(4);
  expect(follower.beat(3, 'J1', 4).grant).toBeGreaterThan(0);
});

test('a follower is told all that the node reads, with its position, and what the node takes in by itself', async () => {
  const { followers, connection } = await followed();
  const [early, read] = [session('early'), session('read')];
  followers.took(early);
  followers.read([early, read], 12);
  expect(connection.got).toEqual([early, early, read]);
  expect(connection.positions).toEqual([10, 12]);
});

test('what is read at once is sent in parts, each with its own position', async () => {
  const { followers, connection } = await followed();
  followers.read(
    Array.from({ length: 2 * MOST_ENTRIES + 1 }, (_, i) => session(`S${i}`)),
    11 + 2 * MOST_ENTRIES,
  );
  const [first, second] = [10 + MOST_ENTRIES, 10 + 2 * MOST_ENTRIES];
  expect(connection.positions).toEqual([first, second, second + 1]);
  expect(connection.got).toHaveLength(2 * MOST_ENTRIES + 1);
});

test('each joining of the node begins its followers anew, in the same epoch too, and hears no older position', async () => {
  const { followers, connection, follower } = await followed();
  const leaving = followers.left('J1');
  expect(connection.askedFor).toEqual(['J1']);
  followers.joined({ epoch: 'E', position: 20 });
  followers.loaded('J2', { epoch: 'E', position: 20 }, LENDER);
  expect(connection.starts[1]).toEqual({ joining: 'J2', epoch: 'E', position: 20 });
  expect(follower.loaded('J1')).toBeUndefined();
  // The old grant is not returned yet, while there is a new one.
  follower.loaded('J2');
  expect(follower.beat(2, 'J2', 20).grant).toBeGreaterThan(0);
  expect(followers.state).toEqual({ connected: 1, grants: 2, lag: 0 });
  followers.read([session('S')], 21);
  expect(followers.report()).toBe(20);
  follower.ack('J1', 21);
  expect(followers.report()).toBe(20);
  follower.ack('J2', 21);
  expect(followers.report()).toBe(21);
  expect(follower.beat(3, 'J1', 21)).toMatchObject({ grant: 0, reason: 'NOT_CURRENT' });
  follower.returned('J1');
  await leaving;
  expect(followers.state.grants).toBe(1);
});

test('a new epoch takes nothing back, and counts nobody of the old one', async () => {
  const { followers, connection, follower } = await followed();
  followers.ended();
  followers.joined({ epoch: 'F', position: 0 });
  followers.loaded('J2', { epoch: 'F', position: 0 }, LENDER);
  expect(connection.askedFor).toEqual([]);
  followers.read([session('S')], 1);
  expect(followers.report()).toBe(1);
  follower.ack('J1', 10);
  expect(follower.beat(2, 'J1', 10).grant).toBe(0);
});

test('a follower goes on in the same epoch, if the node has what came since', async () => {
  const { followers } = await followed();
  const [eleven, twelve, early] = [session('11'), session('12'), session('early')];
  followers.read([eleven, twelve], 12);
  followers.took(early);
  const begin = async (epoch: string, position: number) => {
    const connection = new Told();
    followers.join(connection, { epoch, position });
    await nextTurn();
    return connection.starts[0]!;
  };
  expect(await begin('E', 10)).toMatchObject({ position: 12, missed: [eleven, twelve, early] });
  expect(await begin('E', 11)).toMatchObject({ missed: [twelve, early] });
  // It comes from a node that is ahead.
  expect(await begin('E', 15)).toMatchObject({ position: 12, missed: [early] });
  expect((await begin('E', 9)).missed).toBeUndefined();
  expect((await begin('F', 11)).missed).toBeUndefined();
  // What the stream has brought since has a position.
  followers.read([early], 13);
  expect(await begin('E', 13)).toMatchObject({ position: 13, missed: [] });
  // After a gap, the node has from Postgres what no stream brings.
  await followers.left('none');
  followers.joined({ epoch: 'E', position: 14 });
  followers.loaded('J2', { epoch: 'E', position: 14 }, LENDER);
  expect((await begin('E', 13)).missed).toBeUndefined();
});

test('a node keeps the last ten thousand entries', async () => {
  const { followers } = await followed();
  for (let read = 0; read < 25_000; read += 500)
    followers.read(
      Array.from({ length: 500 }, (_, i) => session(`S${read + i}`)),
      10 + read + 500,
    );
  const connection = new Told();
  followers.join(connection, { epoch: 'E', position: 15_010 });
  const older = new Told();
  followers.join(older, { epoch: 'E', position: 5010 });
  await nextTurn();
  expect(connection.starts[0]!.missed).toHaveLength(10_000);
  expect(older.starts[0]!.missed).toBeUndefined();
});

test('a stop takes back, and grants nothing more', async () => {
  const { followers, connection, follower } = await followed();
  const stopping = followers.stop();
  expect(connection.askedFor).toEqual(['J1']);
  followers.read([session('S')], 11);
  // It is registered until it has left, and its follower relies on it.
  expect(followers.report()).toBe(10);
  follower.returned('J1');
  await stopping;
  expect(followers.report()).toBe(11);
  expect(follower.beat(2, 'J1', 11).grant).toBe(0);
});

test('after a farewell, nothing is sent or granted', async () => {
  const { followers, connection, follower } = await followed();
  follower.farewell();
  followers.read([session('S')], 11);
  expect(connection.got).toEqual([]);
  expect(followers.report()).toBe(11);
  expect(follower.beat(2, 'J1', 11).grant).toBe(0);
  expect(followers.state).toEqual({ connected: 0, grants: 0, lag: 0 });
});

test('a lost connection is sent nothing, and counts on', async () => {
  const { followers, connection, follower } = await followed();
  follower.lost();
  followers.read([session('S')], 11);
  expect(connection.got).toEqual([]);
  expect(followers.report()).toBe(10);
  expect(followers.state).toEqual({ connected: 0, grants: 1, lag: 1 });
  void followers.left('J1');
  expect(connection.askedFor).toEqual([]);
  followers.ended();
});
