import type { Offer, System } from '../explorer';

/*
 * How long followers can delay confirmations if they do whatever they like: acknowledge late, or what they lack, drop their
 * connections, come back. L is nine ticks. All rules about time are sound here; the other model is about what is promised.
 */
const LEASE = 9;
const THIRD = LEASE / 3;
const WAIT = LEASE + 1;

export const RULES = ['who owes is granted nothing', 'the slow way asks for no position'] as const;
export type Rule = (typeof RULES)[number];

export interface Scenario {
  readonly name: string;
  readonly connections: number;
  readonly revocations: number;
}

/** A connection of a follower. A lost one is counted as long as its grant. */
interface Connection {
  /** Ticks that are left of its grant. */
  grant: number;
  /** The ages of what was sent and not acknowledged, in ticks, as bits. */
  owes: number;
  isOpen: boolean;
}

interface World {
  /** Revocations that are still to come, and whether one came since the last tick: each has an age of its own. */
  left: number;
  hasTaken: boolean;
  /** The ages of the revocations that are not confirmed, as bits. */
  pending: number;
  connections: Connection[];
}

/** Greater ages make no difference. */
const OLDEST = THIRD + LEASE;
const older = (ages: number) => ((ages << 1) | (ages & (1 << OLDEST))) & ((1 << (OLDEST + 1)) - 1);
/** Whether one of the ages is so great. */
const reach = (ages: number, least: number) => ages >> least !== 0;

/** Confirms what may be confirmed, at once. */
function confirm(keeps: (rule: Rule) => boolean, world: World): void {
  let held = 0;
  for (const { grant, owes } of world.connections) if (grant > 0) held |= owes;
  const outwaited = keeps('the slow way asks for no position') ? -1 << WAIT : 0;
  world.pending &= held & ~outwaited;
}

function moves(keeps: (rule: Rule) => boolean, world: World, offer: Offer<World>): void {
  const step: Offer<World> = (what, change) =>
    offer(what, (next) => {
      change(next);
      confirm(keeps, next);
    });
  step('a tick passes', (next) => {
    next.hasTaken = false;
    next.pending = older(next.pending);
    for (const each of next.connections) {
      each.grant = Math.max(0, each.grant - 1);
      each.owes = older(each.owes);
    }
  });
  if (!world.hasTaken && world.left > 0)
    step('a revocation is taken in', (next) => {
      next.hasTaken = true;
      next.left -= 1;
      next.pending |= 1;
      for (const each of next.connections) if (each.isOpen) each.owes |= 1;
    });
  for (const [index, { grant, owes, isOpen }] of world.connections.entries()) {
    const offerTo = (what: string, change: (mine: Connection) => void) =>
      step(`connection ${index + 1} ${what}`, (next) => change(next.connections[index]!));
    if (!isOpen && grant === 0)
      offerTo('is opened', (mine) => Object.assign(mine, { isOpen: true, owes: 0 }));
    if (!isOpen) continue;
    offerTo('is dropped', (mine) => {
      mine.isOpen = false;
    });
    if (owes !== 0)
      offerTo('acknowledges the oldest', (mine) => {
        mine.owes &= ~(1 << (31 - Math.clz32(owes)));
      });
    if (!reach(owes, THIRD) || !keeps('who owes is granted nothing'))
      offerTo('is granted a lease', (mine) => {
        mine.grant = LEASE;
      });
  }
}

function fault({ pending, connections }: World): string | undefined {
  if (reach(pending, WAIT)) return 'a revocation is held for longer than W';
  if (connections.some(({ grant, owes }) => grant > 0 && reach(owes, OLDEST)))
    return 'a follower that has not caught up for L/3 + L delays confirmations';
  return undefined;
}

export const SIGNS = [
  'a revocation is held almost for W',
  'a follower that owes holds nothing',
  'a lost connection holds a revocation, and the next one has a grant',
] as const;

function signsOf({ pending, connections }: World): (typeof SIGNS)[number][] {
  const signs: (typeof SIGNS)[number][] = [];
  if (reach(pending, WAIT - 1)) signs.push('a revocation is held almost for W');
  if (pending === 0 && connections.some(({ owes }) => reach(owes, LEASE)))
    signs.push('a follower that owes holds nothing');
  if (
    pending !== 0 &&
    connections.some((each) => !each.isOpen) &&
    connections.some(({ owes, grant }) => owes === 0 && grant > 0)
  )
    signs.push('a lost connection holds a revocation, and the next one has a grant');
  return signs;
}

export function systemOf({ connections, revocations }: Scenario, without?: Rule): System<World> {
  const keeps = (rule: Rule) => rule !== without;
  return {
    start: {
      left: revocations,
      hasTaken: false,
      pending: 0,
      connections: Array.from({ length: connections }, () => ({ grant: LEASE, owes: 0, isOpen: true })),
    },
    pack: (bytes, world) => {
      bytes.put(
        world.left,
        world.hasTaken ? 1 : 0,
        world.pending & 127,
        world.pending >> 7,
        world.connections.length,
      );
      for (const { grant, owes, isOpen } of world.connections)
        bytes.put(grant, owes & 127, owes >> 7, isOpen ? 1 : 0);
    },
    unpack: (bytes) => ({
      left: bytes.take(),
      hasTaken: bytes.take() === 1,
      pending: bytes.take() | (bytes.take() << 7),
      connections: Array.from({ length: bytes.take() }, () => ({
        grant: bytes.take(),
        owes: bytes.take() | (bytes.take() << 7),
        isOpen: bytes.take() === 1,
      })),
    }),
    moves: (world, offer) => moves(keeps, world, offer),
    fault,
    signs: signsOf,
  };
}

const one: Scenario = { name: 'one follower that does harm', connections: 1, revocations: 4 };
const two: Scenario = { name: 'two connections of followers that do harm', connections: 2, revocations: 1 };
export const SCENARIOS = [one, two];

export const MUTANTS: readonly { readonly without: Rule; readonly in: Scenario }[] = [
  { without: 'who owes is granted nothing', in: one },
  { without: 'the slow way asks for no position', in: one },
];
