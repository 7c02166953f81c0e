import type { Bytes } from '../packed-states';

/** No writer, no number. */
export const NONE = -1;

/** A row of `sessions`. A login that has not committed yet has an empty one, of version `NONE`. */
export interface Session {
  version: number;
  globalVersion: number;
  generation: number;
  salt: number;
  ended: number;
}

/** What a statement sees: the user's version, the fleet's, and the sessions. */
export interface Rows {
  user: number;
  fleet: number;
  sessions: Session[];
}

/** A refresh token. */
export interface Presented {
  generation: number;
  salt: number;
}

/** The tokens that a writer was granted: the versions in its access token, and its refresh token. */
export interface Granted extends Presented {
  version: number;
  globalVersion: number;
  /** Ticks since the clock of its lifetime was read. */
  age: number;
}

/** A request under way. Its steps are numbered in the file of its kind. */
export interface Writer {
  step: number;
  /** What its statement sees. */
  snapshot: Rows | undefined;
  /** What its transaction has written, in the rows that it has locked. */
  written: Rows | undefined;
  token: Presented;
  granted: Granted | undefined;
  /** Whether the client has the granted tokens. */
  isAnswered: boolean;
  /** How often it has refreshed. */
  uses: number;
  /** Whether its token is of before an acknowledged `logoutOthers`. No code knows it. */
  isStale: boolean;
  /** Ticks since its statement began. */
  age: number;
}

/** An entry of the log, of a raised version. */
export interface Entry {
  stage: 'none' | 'written' | 'committed' | 'confirmed';
  /** Ticks since the moment from which its life counts. */
  age: number;
}

export interface World {
  /** What is committed. */
  rows: Rows;
  /** The writer that holds each row, or `NONE`. */
  userHeldBy: number;
  fleetHeldBy: number;
  sessionsHeldBy: number[];
  writers: Writer[];
  /** A bit for each session whose last rotation is older than the grace. */
  beyondGrace: number;
  /** A bit for each session that an acknowledged request has ended. No code knows it. */
  doomed: number;
  entry: Entry;
  /** The number of what went wrong in a step, or `NONE`. */
  wrong: number;
}

export const copyOfRows = ({ user, fleet, sessions }: Rows): Rows => ({
  user,
  fleet,
  sessions: sessions.map((session) => ({ ...session })),
});

const STAGES = ['none', 'written', 'committed', 'confirmed'] as const;

function packRows(bytes: Bytes, rows: Rows | undefined): void {
  bytes.put(rows ? 1 : 0);
  if (!rows) return;
  bytes.put(rows.user, rows.fleet, rows.sessions.length);
  for (const { version, globalVersion, generation, salt, ended } of rows.sessions)
    bytes.put(version, globalVersion, generation, salt, ended);
}

function unpackRows(bytes: Bytes): Rows | undefined {
  if (bytes.take() === 0) return undefined;
  const [user, fleet, length] = [bytes.take(), bytes.take(), bytes.take()];
  const sessions = Array.from({ length }, () => ({
    version: bytes.take(),
    globalVersion: bytes.take(),
    generation: bytes.take(),
    salt: bytes.take(),
    ended: bytes.take(),
  }));
  return { user, fleet, sessions };
}

export function packWorld(bytes: Bytes, world: World): void {
  packRows(bytes, world.rows);
  bytes.put(world.userHeldBy, world.fleetHeldBy, ...world.sessionsHeldBy);
  bytes.put(world.beyondGrace, world.doomed, world.wrong);
  bytes.put(STAGES.indexOf(world.entry.stage), world.entry.age, world.writers.length);
  for (const { step, snapshot, written, token, granted, isAnswered, uses, isStale, age } of world.writers) {
    bytes.put(step, token.generation, token.salt, isAnswered ? 1 : 0, uses, isStale ? 1 : 0, age);
    bytes.put(granted ? 1 : 0);
    if (granted)
      bytes.put(granted.generation, granted.salt, granted.version, granted.globalVersion, granted.age);
    packRows(bytes, snapshot);
    packRows(bytes, written);
  }
}

function unpackWriter(bytes: Bytes): Writer {
  const step = bytes.take();
  const token = { generation: bytes.take(), salt: bytes.take() };
  const [isAnswered, uses, isStale, age] = [
    bytes.take() === 1,
    bytes.take(),
    bytes.take() === 1,
    bytes.take(),
  ];
  const granted =
    bytes.take() === 0
      ? undefined
      : {
          generation: bytes.take(),
          salt: bytes.take(),
          version: bytes.take(),
          globalVersion: bytes.take(),
          age: bytes.take(),
        };
  const snapshot = unpackRows(bytes);
  return { step, snapshot, written: unpackRows(bytes), token, granted, isAnswered, uses, isStale, age };
}

export function unpackWorld(bytes: Bytes): World {
  const rows = unpackRows(bytes)!;
  const [userHeldBy, fleetHeldBy] = [bytes.take(), bytes.take()];
  const sessionsHeldBy = rows.sessions.map(() => bytes.take());
  const [beyondGrace, doomed, wrong] = [bytes.take(), bytes.take(), bytes.take()];
  const entry = { stage: STAGES[bytes.take()]!, age: bytes.take() };
  const writers = Array.from({ length: bytes.take() }, () => unpackWriter(bytes));
  return {
    rows,
    userHeldBy,
    fleetHeldBy,
    sessionsHeldBy,
    writers,
    beyondGrace,
    doomed,
    entry,
    wrong,
  };
}
