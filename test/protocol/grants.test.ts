import type { Clock } from '../../src/core/clock';
import { Grants, type Holder } from '../../src/protocol/grants';

const LEASE = 1000;

let wall = 0;
const clock: Clock = { now: () => performance.now() + wall, monotonic: () => performance.now() };

beforeEach(() => {
  wall = 0;
  jest.useFakeTimers();
});
afterEach(() => jest.useRealTimers());

/** What a node grants from position 0 on. `left` is what is left of the lease of its view. */
function lending() {
  const events: string[] = [];
  const node = { left: LEASE };
  const grants = new Grants({
    joining: 'J',
    position: 0,
    lender: { left: () => node.left, longestTokenTtl: 900, onRisen: () => void events.push('risen') },
    lease: LEASE,
    clock,
  });
  const enter = (name: string): Holder => {
    const holder = grants.enter({
      takeBack: (joining) => void events.push(`${name} asked for ${joining}`),
      ranOutOwing: () => void events.push(`${name} ran out`),
    });
    holder.hasLoaded = true;
    return holder;
  };
  /** Reports once, so that nothing new is to be reported. */
  const beat = () => grants.report();
  return { grants, node, events, enter, beat };
}

test('a grant is what is left of the lease, less what a slow clock may add', () => {
  const { grants, node, enter } = lending();
  node.left = 650;
  const { grant } = grants.beat(enter('A'), 0, true);
  expect(grant).toBe(638);
  expect(grant * 1.01).toBeLessThan(650);
  node.left = 4;
  expect(grants.beat(enter('A'), 0, true)).toEqual({ grant: 0, reason: 'NOT_CURRENT' });
});

test('nothing is granted by a view that is not current, to who has not loaded, and to who may hold nothing', () => {
  const { grants, node, enter } = lending();
  const follower = enter('A');
  node.left = 0;
  expect(grants.beat(follower, 0, true)).toEqual({ grant: 0, reason: 'NOT_CURRENT' });
  node.left = LEASE;
  expect(grants.beat(follower, 0, false)).toEqual({ grant: 0, reason: 'BANNED' });
  follower.hasLoaded = false;
  expect(grants.beat(follower, 0, true)).toEqual({ grant: 0, reason: 'BEHIND' });
  expect(grants.size).toBe(0);
});

test('the position that is reported waits for each follower with a grant, and for no other', () => {
  const { grants, enter, beat } = lending();
  const [slow, fast, without] = [enter('slow'), enter('fast'), enter('without')];
  grants.beat(slow, 0, true);
  grants.beat(fast, 0, true);
  grants.beat(without, 0, false);
  grants.moved(2);
  expect(beat()).toBe(0);
  grants.ack(fast, 2);
  expect(beat()).toBe(0);
  grants.ack(slow, 1);
  expect(beat()).toBe(1);
  grants.ack(slow, 2);
  expect(beat()).toBe(2);
});

test('a follower that lies about its position is taken to be where the node is, and not beyond', () => {
  const { grants, enter, beat } = lending();
  const liar = enter('liar');
  grants.beat(liar, 1_000_000, true);
  grants.moved(1);
  expect(beat()).toBe(0);
});

test('two hundred followers that acknowledge one after another cause one heartbeat', () => {
  const { grants, enter, beat, events } = lending();
  const holders = Array.from({ length: 200 }, (_, i) => enter(`F${i}`));
  for (const holder of holders) grants.beat(holder, 0, true);
  beat();
  grants.moved(1);
  for (const holder of holders.slice(1)) grants.ack(holder, 1);
  expect(events).toEqual([]);
  grants.ack(holders[0]!, 1);
  expect(events).toEqual(['risen']);
  expect(beat()).toBe(1);
});

test('a new follower does not take back what was reported', () => {
  const { grants, enter, beat } = lending();
  grants.moved(5);
  expect(beat()).toBe(5);
  grants.beat(enter('late'), 3, true);
  expect(beat()).toBe(5);
  grants.moved(6);
  expect(beat()).toBe(5);
  // The tail of its grant.
  expect(grants.position).toBe(6);
});

test('a lost connection is counted until its grant is over, however the wall clock is set', () => {
  const { grants, node, enter, beat, events } = lending();
  const [first, second] = [enter('A'), enter('B')];
  node.left = 700;
  grants.beat(first, 0, true);
  node.left = LEASE;
  grants.beat(second, 0, true);
  grants.lose(first);
  grants.lose(second);
  grants.moved(1);
  beat();
  wall = 3_600_000;
  jest.advanceTimersByTime(702);
  expect(grants.size).toBe(1);
  expect(beat()).toBe(0);
  jest.advanceTimersByTime(297);
  expect(events).not.toContain('risen');
  jest.advanceTimersByTime(3);
  expect(events.at(-1)).toBe('risen');
  expect(beat()).toBe(1);
});

test('a farewell ends a grant at once', () => {
  const { grants, enter, beat, events } = lending();
  const follower = enter('A');
  grants.beat(follower, 0, true);
  grants.moved(1);
  beat();
  grants.giveBack(follower);
  expect(events).toEqual(['risen']);
  expect(beat()).toBe(1);
});

test('a follower that owes an acknowledgement for a third of a lease gets nothing until it has caught up', () => {
  const { grants, enter, events, beat } = lending();
  const follower = enter('A');
  grants.beat(follower, 0, true);
  beat();
  grants.moved(1);
  jest.advanceTimersByTime(300);
  expect(grants.beat(follower, 0, true).grant).toBeGreaterThan(0);
  jest.advanceTimersByTime(40);
  expect(grants.beat(follower, 0, true)).toEqual({ grant: 0, reason: 'BEHIND' });
  // What it was granted last is over one lease later, and the node waits no longer.
  jest.advanceTimersByTime(950);
  expect(events).toEqual([]);
  jest.advanceTimersByTime(20);
  expect(events).toEqual(['A ran out', 'risen']);
  expect(grants.beat(follower, 1, true).grant).toBeGreaterThan(0);
});

test('a lost connection whose grant runs out owing is at fault, too', () => {
  const { grants, enter, events, beat } = lending();
  const follower = enter('A');
  grants.beat(follower, 0, true);
  grants.moved(1);
  beat();
  grants.lose(follower);
  jest.advanceTimersByTime(LEASE + 2);
  expect(events).toEqual(['A ran out', 'risen']);
});

test('a node without followers remembers what it sent for a third of a lease only', () => {
  const { grants } = lending();
  for (let position = 1; position <= 1000; position++) {
    grants.moved(position);
    jest.advanceTimersByTime(10);
  }
  expect(grants.remembered).toBeLessThan(50);
});

test('a grant that runs out without a debt is no fault', () => {
  const { grants, enter, events } = lending();
  grants.beat(enter('A'), 0, true);
  jest.advanceTimersByTime(2 * LEASE);
  expect(grants.size).toBe(0);
  expect(events.filter((event) => event !== 'risen')).toEqual([]);
});

test('taking back is done when each follower has returned its grant, or it is over', async () => {
  const { grants, node, enter, events } = lending();
  const [open, lost] = [enter('open'), enter('lost')];
  grants.beat(open, 0, true);
  node.left = 500;
  grants.beat(lost, 0, true);
  grants.lose(lost);
  let isDone = false;
  void grants.close().then(() => (isDone = true));
  expect(events).toEqual(['open asked for J']);
  expect(grants.beat(open, 0, true)).toEqual({ grant: 0, reason: 'NOT_CURRENT' });
  grants.giveBack(open);
  await jest.advanceTimersByTimeAsync(499);
  expect(isDone).toBe(false);
  await jest.advanceTimersByTimeAsync(3);
  expect(isDone).toBe(true);
});

test('after the end of its epoch, nothing is granted and nobody is counted', async () => {
  const { grants, enter, events } = lending();
  const follower = enter('A');
  grants.beat(follower, 0, true);
  grants.end();
  expect(grants.size).toBe(0);
  expect(grants.beat(follower, 0, true).grant).toBe(0);
  await grants.close();
  expect(events).toEqual([]);
});
