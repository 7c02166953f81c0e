import { packAndUnpack, PackedStates } from './packed-states';
import { packWorld, unpackWorld } from './packing';
import type { Beat, Data, World } from './state';
import type { Link } from './state-followers';

/** Counts up from 1, so that all numbers of the world below differ. */
let last = 0;
const number = () => (last += 1);

const beat = (stage: Beat['stage']): Beat => ({
  stage,
  id: number(),
  position: number(),
  beats: number(),
  age: number(),
  tail: number(),
});
const data = (filled: boolean): Data => ({
  id: number(),
  run: number(),
  line: number(),
  filled,
  stream: [number(), -1, number()],
  streamLost: !filled,
  registry: [undefined, { position: number(), beats: number() }],
  record: number(),
  ticket: number(),
});

const link = (flag: boolean): Link => ({
  isConnected: flag,
  begun: number(),
  rest: number(),
  sent: [{ joining: number(), id: number(), entries: number(), position: number(), whole: flag }],
  joining: number(),
  id: number(),
  position: number(),
  isWhole: !flag,
  beat: flag
    ? {
        stage: 'answered',
        joining: number(),
        position: number(),
        age: number(),
        grant: number(),
        tail: number(),
      }
    : undefined,
  granted: flag ? { joining: number(), left: number(), tail: number() } : undefined,
  lease: flag ? undefined : { joining: number(), left: number(), seemsOver: true },
  late: flag ? { joining: number(), position: number() } : undefined,
});

/** It has every optional part of a world, unlike the worlds of the scenarios. */
const world: World = {
  committed: number(),
  confirmed: number(),
  publications: [
    undefined,
    {
      by: number(),
      id: number(),
      position: number(),
      age: number(),
      noted: [number()],
      lagging: number(),
      stage: 'removing',
    },
  ],
  servers: [true, false].map((flag) => ({
    run: number(),
    line: number(),
    known: flag,
    writable: !flag,
    follows: number(),
    data: data(flag),
    saved: flag ? undefined : data(true),
  })),
  processes: (['loading', 'left'] as const).map((stage) => ({
    stage,
    id: number(),
    knownFor: number(),
    view: number(),
    position: number(),
    beats: number(),
    beat: beat('answered'),
    lateBeat: stage === 'left' ? undefined : beat('stale'),
    leaseAge: number(),
    leaseTail: number(),
    viewAge: number(),
    filling: { id: number(), ticket: number(), value: number() },
    healing: stage === 'left' ? undefined : { id: number(), log: number() },
    asleep: stage === 'left',
    wasRemoved: stage === 'loading',
  })),
  hosts: [
    {
      joining: number(),
      first: number(),
      began: number(),
      recent: [number(), number()],
      reported: number(),
      grants: [true, false].map((isOld) => ({
        follower: number(),
        joining: number(),
        left: number(),
        position: number(),
        isOld,
      })),
    },
  ],
  followers: [true, false].map((flag) => ({
    view: number(),
    links: [link(flag), link(!flag)],
    from: flag ? { id: number(), position: number() } : undefined,
    asleep: !flag,
  })),
  faults: {
    flushes: number(),
    losses: number(),
    restarts: number(),
    promotions: number(),
    catchUps: number(),
    demotions: number(),
    evictedStreams: number(),
    evictedRecords: number(),
    trims: number(),
    lostAnswers: number(),
    takeovers: number(),
  },
  epochs: number(),
  runs: number(),
  lines: number(),
  tickets: number(),
  phase: number(),
};

function write(states: PackedStates, numbers: readonly number[]): boolean {
  states.begin();
  for (const number of numbers) states.put(number);
  return states.add();
}

function read(states: PackedStates, state: number, length: number): number[] {
  states.open(state);
  return Array.from({ length }, () => states.take());
}

test('a packed state is unpacked completely', () => {
  expect(packAndUnpack(packWorld, unpackWorld, world)).toStrictEqual(world);
});

test('a state is added once and found among many that differ in one number', () => {
  const states = new PackedStates();
  const all: number[][] = [];
  for (let one = -1; one < 250; one += 1)
    for (let other = 0; other < 200; other += 1) all.push([one, 7, other, 9, 1]);
  expect(all.filter((numbers) => !write(states, numbers))).toEqual([]);
  expect(all.filter((numbers) => write(states, numbers))).toEqual([]);
  expect(states.size).toBe(all.length);
  const wrong = all.filter((numbers, state) => read(states, state, 5).join() !== numbers.join());
  expect(wrong).toEqual([]);
});

test.each([-2, 255])(
  '%d, which a byte cannot hold, is refused rather than taken for another number',
  (number) => {
    const states = new PackedStates();
    expect(() => write(states, [1, number, 2])).toThrow('does not fit into a byte');
    expect(write(states, [1, 2])).toBe(true);
  },
);

test('a state that is too long is refused, not cut off', () => {
  const states = new PackedStates();
  expect(() => write(states, new Array<number>(5000).fill(1))).toThrow('more than 4096 bytes');
});
