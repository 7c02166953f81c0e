import type { Follower, Host } from './state-followers';

/**
 * A set of revocations as bits: the first is 1, the second 2, the third 4. All revocations of the model concern one
 * user, and each matters by itself, like those of single tokens and sessions.
 */
export type Revocations = number;

export const NOTHING: Revocations = 0;
export const bitOf = (revocation: number): Revocations => 1 << revocation;
export const holds = (set: Revocations, revocation: number) => (set & bitOf(revocation)) !== 0;
export const holdsAll = (set: Revocations, all: Revocations) => (set & all) === all;

/** A missing number: no record, no ticket, a server that follows no other. */
export const NONE = -1;

/** A stream entry that was deleted. */
export const DELETED = NONE;

/** The registry's entry of one node: "position|beats". */
export interface Registration {
  position: number;
  beats: number;
}

/** All keys of the protocol in one Redis server, which change together. */
export interface Data {
  /** The epoch's id. */
  id: number;
  /** The server where the epoch began: its `run_id`, and its `master_replid`, which ends with each promotion. */
  run: number;
  line: number;
  filled: boolean;
  /** The revocation of each entry of the stream; the first entry has the position 1. */
  stream: number[];
  /** Whether the stream's key was evicted. */
  streamLost: boolean;
  registry: (Registration | undefined)[];
  /** The user's record in this epoch, or NONE. */
  record: Revocations;
  ticket: number;
}

export interface Server {
  run: number;
  line: number;
  /** Whether it is or was a primary: processes talk only to these. */
  known: boolean;
  writable: boolean;
  /** The server that this one is a replica of. */
  follows: number;
  data: Data | undefined;
  /** Its data on disk. */
  saved: Data | undefined;
}

/** A heartbeat on its way. A process without a view sends it as a probe, which registers nothing. */
export interface Beat {
  stage: 'sent' | 'answered' | 'stale';
  id: number;
  position: number;
  beats: number;
  /** Ticks of the sender's clock since the stamp. */
  age: number;
  /** The tail in the answer. */
  tail: number;
}

/** A record being filled: the ticket, then the answer of Postgres. */
export interface Filling {
  id: number;
  ticket: number;
  value: Revocations;
}

/** A fresh epoch being filled: the noted id, then the rest of the loaded log. */
export interface Healing {
  id: number;
  log: Revocations;
}

export interface Process {
  /** `away`: begins with a hello. `loading`: the tail is noted. `following`: its part of the log is complete. */
  stage: 'away' | 'loading' | 'following' | 'leaving' | 'left';
  /** The epoch it knows, and the ticks since it learned it. */
  id: number;
  knownFor: number;
  view: Revocations;
  position: number;
  /** The number of heartbeats sent, if they are counted. */
  beats: number;
  beat: Beat | undefined;
  /** A heartbeat of the join before this one. */
  lateBeat: Beat | undefined;
  /** The lease: ticks since the stamp of the newest answered heartbeat, and the answered tail. */
  leaseAge: number;
  leaseTail: number;
  /** Ticks since the stamp from which the view is current. */
  viewAge: number;
  filling: Filling | undefined;
  healing: Healing | undefined;
  asleep: boolean;
  /** Whether it was taken for dead and removed from the registry. */
  wasRemoved: boolean;
}

/** A revocation that a process has published and not yet confirmed. */
export interface Publication {
  by: number;
  id: number;
  position: number;
  /** Ticks since the publication was answered. */
  age: number;
  /** The beats in the registry at the publication. */
  noted: number[];
  /** The processes that were in the registry then, and were not seen at the position yet, as bits. */
  lagging: number;
  /** `noting` and `idRead` are only for mutants. `removing`: confirmed, and silent nodes remain to be removed. */
  stage: 'noting' | 'published' | 'idRead' | 'removing';
}

/** How often each fault may still happen. */
export interface Faults {
  flushes: number;
  /** Restarts without data. */
  losses: number;
  /** Restarts with the data on disk. */
  restarts: number;
  promotions: number;
  /** Updates of a replica that no write waits for. */
  catchUps: number;
  /** Old primaries that become replicas of the new one. */
  demotions: number;
  evictedStreams: number;
  evictedRecords: number;
  trims: number;
  /** Lost answers to a publication. */
  lostAnswers: number;
  /** Processes that die between publication and confirmation. Another takes over. */
  takeovers: number;
}

export interface World {
  /** The revocations in Postgres. */
  committed: Revocations;
  confirmed: Revocations;
  publications: (Publication | undefined)[];
  servers: Server[];
  processes: Process[];
  /** One for each process if the scenario has followers. */
  hosts: Host[];
  followers: Follower[];
  faults: Faults;
  /** The numbers of ids, runs, lines and tickets given out. */
  epochs: number;
  runs: number;
  lines: number;
  tickets: number;
  /** Ticks since a slow clock last lost one. */
  phase: number;
}

/** A copy, also for a replica and a disk. */
export function copyOfData(data: Data | undefined): Data | undefined {
  if (!data) return undefined;
  const copy = { ...data };
  copy.stream = data.stream.slice();
  copy.registry = data.registry.map((entry) => entry && { ...entry });
  return copy;
}

/** Counts a fault that has happened. */
export function spend(world: World, fault: keyof Faults): void {
  world.faults = { ...world.faults, [fault]: world.faults[fault] - 1 };
}
