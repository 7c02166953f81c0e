import { Arrears } from '../../src/followers/arrears';
import { createHarm } from '../../src/followers/harm';
import { createLine } from '../../src/followers/line';
import { createPace } from '../../src/followers/pace';

const MINUTE = 60_000;
let now = 0;
const clock = { monotonic: () => now };

describe('bans', () => {
  const thrice = (harm: ReturnType<typeof createHarm>, block: string) =>
    [1, 2, 3]
      .map(() => {
        now += 2000;
        return harm.note(block);
      })
      .at(-1);

  test('double up to an hour, and begin anew after an hour without one', () => {
    const harm = createHarm(clock, 1000);
    const bans: (number | undefined)[] = [];
    for (let i = 0; i < 8; i++) {
      const ban = thrice(harm, 'a') ?? 0;
      bans.push(ban / MINUTE);
      now += ban - 1;
      expect(harm.isBanned('a')).toBe(true);
      now += 1;
      expect(harm.isBanned('a')).toBe(false);
    }
    expect(bans).toEqual([1, 2, 4, 8, 16, 32, 60, 60]);
    now += 60 * MINUTE;
    expect(thrice(harm, 'a')).toBe(MINUTE);
  });

  test('need three delays within ten minutes, and what comes during one does not count', () => {
    const harm = createHarm(clock, 1000);
    for (let i = 0; i < 10; i++) {
      expect(harm.note('a')).toBeUndefined();
      now += 5 * MINUTE;
    }
    expect(thrice(harm, 'b')).toBe(MINUTE);
    expect(thrice(harm, 'b')).toBeUndefined();
    now += MINUTE;
    expect(thrice(harm, 'b')).toBe(2 * MINUTE);
  });

  test('take what comes within two seconds, or two leases, for one stumble', () => {
    const harm = createHarm(clock, 1000);
    for (let i = 0; i < 100; i++) {
      expect(harm.note('a')).toBeUndefined();
      now += 19;
    }
    const slow = createHarm(clock, 10_000);
    expect(thrice(slow, 'a')).toBeUndefined();
    now += 16_000;
    expect(slow.note('a')).toBeUndefined();
    now += 20_000;
    expect(slow.note('a')).toBe(MINUTE);
  });

  test('of many blocks are remembered within a bound, those of the last', () => {
    const harm = createHarm(clock, 1000);
    for (let i = 0; i < 5000; i++) harm.note(`block ${i}`);
    expect(harm.size).toBe(1000);
    thrice(harm, 'last');
    expect(harm.isBanned('last')).toBe(true);
    now += 3 * 60 * MINUTE;
    harm.note('later');
    expect(harm.size).toBe(1);
  });
});

describe('late acks', () => {
  /** Sends, and acknowledges so many ms later, under a grant of so many ms. */
  const ack = (arrears: Arrears, position: number, after: number, grant = 10_000) => {
    arrears.granted(grant);
    arrears.sent(position);
    now += after;
    arrears.acked(position);
    return arrears.areTooLate();
  };

  test('are those after 100 ms, for more than one percent of a minute', () => {
    const arrears = new Arrears(clock);
    arrears.begin(0);
    for (let position = 1; position < 300; position++) expect(ack(arrears, position, 100)).toBe(false);
    now += MINUTE;
    expect(arrears.areTooLate()).toBe(false);
    for (let position = 300; position < 303; position++) expect(ack(arrears, position, 300)).toBe(false);
    expect([ack(arrears, 303, 101), arrears.areTooLate()]).toEqual([true, false]);
  });

  test('count while a grant is out only', () => {
    const arrears = new Arrears(clock);
    arrears.begin(0);
    expect(ack(arrears, 1, 5000, 650)).toBe(false);
    now += MINUTE;
    arrears.areTooLate();
    expect(ack(arrears, 2, 5000, 750)).toBe(true);
  });

  test('are noticed although none comes', () => {
    const arrears = new Arrears(clock);
    arrears.begin(0);
    arrears.granted(1000);
    arrears.sent(1);
    arrears.sent(2);
    now += 690;
    expect(arrears.areTooLate()).toBe(false);
    now += 11;
    expect(arrears.areTooLate()).toBe(true);
  });

  test('of an earlier joining do not count', () => {
    const arrears = new Arrears(clock);
    arrears.begin(0);
    arrears.granted(10_000);
    arrears.sent(5);
    arrears.begin(0);
    now += 5000;
    expect(arrears.areTooLate()).toBe(false);
  });
});

test('a follower may send so many a second, and one for each that it was sent', () => {
  const pace = createPace({ burst: 3, messagesPerSecond: 2 }, clock);
  const spend = (count: number) => Array.from({ length: count }, () => pace.spend());
  expect(spend(4)).toEqual([true, true, true, false]);
  now += 500;
  expect(spend(2)).toEqual([true, false]);
  for (let i = 0; i < 20_000; i++) pace.earn();
  expect(spend(10_001).indexOf(false)).toBe(10_000);
  now += 3_600_000;
  expect(spend(4)).toEqual([true, true, true, false]);
});

test('turns are given in order, and a block gets a second one only if no other block waits', () => {
  const line = createLine(2);
  const begun: string[] = [];
  const join = (name: string) => line.join(name[0]!, () => void begun.push(name));
  const [a1, a2] = [join('a1'), join('a2')];
  const [a3, b1, c1] = [join('a3'), join('b1'), join('c1')];
  expect(begun).toEqual(['a1', 'a2']);
  a1();
  a1();
  expect(begun.slice(2)).toEqual(['b1']);
  // One that leaves the line gets no turn.
  c1();
  a2();
  expect(begun.slice(3)).toEqual(['a3']);
  a3();
  b1();
  join('d1');
  expect(begun.slice(4)).toEqual(['d1']);
});
