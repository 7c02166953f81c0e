import type { Bytes } from '../packed-states';
import { NONE, type Revocations } from '../state';

/** A heartbeat on its way to the node, or its answer on the way back. */
export interface Beat {
  stage: 'none' | 'sent' | 'answered';
  /** The snapshot that the follower stood on. */
  joining: number;
  /** Its position; in the answer, the tail. */
  position: number;
  /** Ticks of the follower's clock since the stamp. */
  age: number;
}

/** A request of the node to give up what it has granted, and its answer. */
export type TakeBack = 'none' | 'sent' | 'returned' | 'returnedFirst';

/** A connection of one follower, as both of its ends see it. It is used once. */
export interface Connection {
  stage: 'unused' | 'open' | 'farewellFirst' | 'farewell' | 'closed';
  /** Whether the node's end is open. */
  isHeard: boolean;
  /** The snapshot that the node has begun here; 0 if none. Its position, and what it holds. */
  begun: number;
  from: number;
  content: Revocations;
  /** What the follower has reported: its snapshot, and its position there. */
  reportedIn: number;
  reported: number;
  /** Ticks of the node's clock since its last grant, or `OVER`. */
  grantAge: number;
  takeBack: TakeBack;
  /** The snapshot that the follower has loaded, and the id of its numbers; 0 if none. Its position there. */
  loaded: number;
  id: number;
  position: number;
  beat: Beat;
  /** A grant whose tail was not applied yet: ticks since its stamp, and its tail. */
  awaitedAge: number;
  awaitedTail: number;
  /** Ticks of the follower's clock since the stamp of the grant that counts, or `OVER`. */
  leaseAge: number;
}

export interface Follower {
  view: Revocations;
  asleep: boolean;
  connections: Connection[];
}

/** A revocation from its commit to its confirmation. `left`: the process knows nothing of it. */
export interface Revocation {
  stage: 'none' | 'left' | 'committed' | 'looked' | 'taken' | 'confirmed';
  /** The snapshot and the position under which it was taken in; `NOWHERE` if no follower was told. */
  joining: number;
  position: number;
  /** Ticks since it was taken in. */
  age: number;
  /** For a mutant: the connections that had grants when it looked, as bits. */
  noted: number;
}

/** The only process there is. */
export interface Node {
  /** `loading`: its view lacks something. `stopping`: it has given up its view. */
  stage: 'down' | 'loading' | 'serving' | 'stopping';
  /** Which start this is. */
  run: number;
  /** Which load this is. */
  joining: number;
  /** Ticks since the start. */
  age: number;
  view: Revocations;
  /** What it has taken in since the load, in order: the first has the position 1. */
  log: number[];
}

export interface Faults {
  crashes: number;
  stops: number;
  lostConnections: number;
  overfulls: number;
  clockJumps: number;
  /** Commits that seem to fail. */
  lostCommits: number;
}

export interface World {
  node: Node;
  followers: Follower[];
  revocations: Revocation[];
  faults: Faults;
  /** Ticks since a slow clock last lost one. */
  phase: number;
}

/** A grant or a lease that is over. */
export const OVER = NONE;
/** The position of what no follower was told. */
export const NOWHERE = 99;

const BEAT_STAGES = ['none', 'sent', 'answered'] as const;
const TAKE_BACKS = ['none', 'sent', 'returned', 'returnedFirst'] as const;
const CONNECTION_STAGES = ['unused', 'open', 'farewellFirst', 'farewell', 'closed'] as const;
const REVOCATION_STAGES = ['none', 'left', 'committed', 'looked', 'taken', 'confirmed'] as const;
const NODE_STAGES = ['down', 'loading', 'serving', 'stopping'] as const;

const bit = (flag: boolean) => (flag ? 1 : 0);

function packConnection(bytes: Bytes, it: Connection): void {
  const { beat } = it;
  bytes.put(CONNECTION_STAGES.indexOf(it.stage));
  if (it.stage === 'unused') return;
  bytes.put(bit(it.isHeard), it.begun, it.from, it.content, it.reportedIn, it.reported, it.grantAge);
  bytes.put(TAKE_BACKS.indexOf(it.takeBack), it.loaded, it.id, it.position);
  bytes.put(it.awaitedAge, it.awaitedTail, it.leaseAge, BEAT_STAGES.indexOf(beat.stage));
  if (beat.stage !== 'none') bytes.put(beat.joining, beat.position, beat.age);
}

export const NO_BEAT: Beat = { stage: 'none', joining: 0, position: 0, age: 0 };

export const unusedConnection = (): Connection => ({
  stage: 'unused',
  isHeard: false,
  begun: 0,
  from: 0,
  content: 0,
  reportedIn: 0,
  reported: 0,
  grantAge: OVER,
  takeBack: 'none',
  loaded: 0,
  id: 0,
  position: 0,
  beat: NO_BEAT,
  awaitedAge: OVER,
  awaitedTail: 0,
  leaseAge: OVER,
});

function unpackConnection(bytes: Bytes): Connection {
  const stage = CONNECTION_STAGES[bytes.take()]!;
  if (stage === 'unused') return unusedConnection();
  return {
    stage,
    isHeard: bytes.take() === 1,
    begun: bytes.take(),
    from: bytes.take(),
    content: bytes.take(),
    reportedIn: bytes.take(),
    reported: bytes.take(),
    grantAge: bytes.take(),
    takeBack: TAKE_BACKS[bytes.take()]!,
    loaded: bytes.take(),
    id: bytes.take(),
    position: bytes.take(),
    awaitedAge: bytes.take(),
    awaitedTail: bytes.take(),
    leaseAge: bytes.take(),
    beat: unpackBeat(bytes),
  };
}

function unpackBeat(bytes: Bytes): Beat {
  const stage = BEAT_STAGES[bytes.take()]!;
  if (stage === 'none') return NO_BEAT;
  return { stage, joining: bytes.take(), position: bytes.take(), age: bytes.take() };
}

export function packWorld(bytes: Bytes, { node, followers, revocations, faults, phase }: World): void {
  bytes.put(NODE_STAGES.indexOf(node.stage), node.run, node.joining, node.age, node.view);
  bytes.put(node.log.length, ...node.log, phase);
  bytes.put(faults.crashes, faults.stops, faults.lostConnections, faults.overfulls);
  bytes.put(faults.clockJumps, faults.lostCommits, revocations.length, followers.length);
  for (const { stage, joining, position, age, noted } of revocations)
    bytes.put(REVOCATION_STAGES.indexOf(stage), joining, position, age, noted);
  for (const { view, asleep, connections } of followers) {
    bytes.put(view, bit(asleep), connections.length);
    for (const connection of connections) packConnection(bytes, connection);
  }
}

export function unpackWorld(bytes: Bytes): World {
  const list = <Item>(length: number, item: () => Item) => Array.from({ length }, item);
  const take = () => bytes.take();
  const [stage, run, joining, age, view] = [NODE_STAGES[take()]!, take(), take(), take(), take()];
  const node: Node = { stage, run, joining, age, view, log: list(take(), take) };
  const phase = take();
  const faults: Faults = {
    crashes: take(),
    stops: take(),
    lostConnections: take(),
    overfulls: take(),
    clockJumps: take(),
    lostCommits: take(),
  };
  const [revocations, followers] = [take(), take()];
  return {
    node,
    faults,
    phase,
    revocations: list(revocations, () => ({
      stage: REVOCATION_STAGES[take()]!,
      joining: take(),
      position: take(),
      age: take(),
      noted: take(),
    })),
    followers: list(followers, () => ({
      view: take(),
      asleep: take() === 1,
      connections: list(take(), () => unpackConnection(bytes)),
    })),
  };
}
