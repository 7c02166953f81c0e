/**
 * A set of revocations, as bits: the first is 1, the second 2, the third 4. The model's revocations all concern one
 * user, and each matters by itself, as those of single tokens and sessions do.
 */
export type Revocations = number;

export const NOTHING: Revocations = 0;
export const bitOf = (revocation: number): Revocations => 1 << revocation;
export const holds = (set: Revocations, revocation: number) => (set & bitOf(revocation)) !== 0;
export const holdsAll = (set: Revocations, all: Revocations) => (set & all) === all;

/** Stands for a number where there is none: no record, no ticket, a server that follows no other. */
export const NONE = -1;

/** A stream entry that was deleted. */
export const DELETED = NONE;

/** What the registry says of one node: "position|beats". */
export interface Registration {
  position: number;
  beats: number;
}

/** All of our keys in one Redis server. What a server of Redis does to them, it does to all at once. */
export interface Data {
  /** The epoch's id. */
  id: number;
  /** The server where the epoch began: its `run_id`, and its `master_replid`, which ends with each promotion. */
  run: number;
  line: number;
  filled: boolean;
  /** The revocation that each entry of the stream tells of; the first entry has the position 1. */
  stream: number[];
  /** The stream's key was evicted. */
  streamLost: boolean;
  registry: (Registration | undefined)[];
  /** The user's record in this epoch, or NONE. */
  record: Revocations;
  ticket: number;
}

export interface Server {
  run: number;
  line: number;
  /** Whether it is, or was, a primary: only then does anyone talk to it. */
  known: boolean;
  writable: boolean;
  /** The server that this one is a replica of. */
  follows: number;
  data: Data | undefined;
  /** What it has on disk. */
  saved: Data | undefined;
}

/** A heartbeat on its way. A process without a view sends it too, as a probe: it registers nothing. */
export interface Beat {
  stage: 'sent' | 'answered' | 'stale';
  id: number;
  position: number;
  beats: number;
  /** Ticks of the sender's clock since the stamp. */
  age: number;
  /** The tail that was answered. */
  tail: number;
}

/** A record that is about to be filled: the ticket, then what Postgres said. */
export interface Filling {
  id: number;
  ticket: number;
  value: Revocations;
}

/** A fresh epoch that is about to be filled: the id that was noted, then what is left of the log that was loaded. */
export interface Healing {
  id: number;
  log: Revocations;
}

export interface Process {
  /** `away`: to begin with a hello. `loading`: the tail is noted. `following`: what it has of the log is whole. */
  stage: 'away' | 'loading' | 'following' | 'leaving' | 'left';
  /** The epoch it knows, and the ticks since it learned of it. */
  id: number;
  knownFor: number;
  view: Revocations;
  position: number;
  /** The heartbeats sent, where they are counted. */
  beats: number;
  beat: Beat | undefined;
  /** A heartbeat of the join before this one. */
  lateBeat: Beat | undefined;
  /** The lease: ticks since the stamp of the newest heartbeat that was answered, and the tail it answered. */
  leaseAge: number;
  leaseTail: number;
  /** Ticks since the stamp that the view is current from. */
  viewAge: number;
  filling: Filling | undefined;
  healing: Healing | undefined;
  asleep: boolean;
  /** It was taken for dead and removed from the registry, once. */
  wasRemoved: boolean;
}

/** A revocation between its publication and its confirmation, in the hands of one process. */
export interface Delivery {
  by: number;
  id: number;
  position: number;
  /** Ticks since the publication was answered. */
  age: number;
  /** The beats that the registry showed when it was published. */
  noted: number[];
  /** `idRead` is for a mutant only. `removing`: confirmed, and silent nodes are still to be removed. */
  stage: 'published' | 'idRead' | 'removing';
}

/** How often what may go wrong may still do so. */
export interface Faults {
  flushes: number;
  /** Restarts without data. */
  losses: number;
  /** Restarts with what was on disk. */
  restarts: number;
  promotions: number;
  /** Times that a replica which is not waited for gets what its primary has. */
  catchUps: number;
  /** Old primaries that become replicas of the new one. */
  demotions: number;
  evictedStreams: number;
  evictedRecords: number;
  trims: number;
  /** Answers to a publication that are lost. */
  lostAnswers: number;
  /** Revokers that die between publication and confirmation; another process takes over. */
  takeovers: number;
}

export interface World {
  /** What Postgres holds. */
  committed: Revocations;
  confirmed: Revocations;
  deliveries: (Delivery | undefined)[];
  servers: Server[];
  processes: Process[];
  faults: Faults;
  /** How many ids, runs, lines and tickets have been given out. */
  epochs: number;
  runs: number;
  lines: number;
  tickets: number;
  /** Ticks since a slow clock last lost one. */
  phase: number;
}

/** Also what a replica and a disk get. */
export function copyOfData(data: Data | undefined): Data | undefined {
  if (!data) return undefined;
  const copy = { ...data };
  copy.stream = data.stream.slice();
  copy.registry = data.registry.map((entry) => entry && { ...entry });
  return copy;
}

/** A fault has happened: it may do so less often from now on. */
export function spend(world: World, fault: keyof Faults): void {
  world.faults = { ...world.faults, [fault]: world.faults[fault] - 1 };
}
