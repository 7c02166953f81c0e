import type { Offer } from '../explorer';
import { copyOfRows, NONE, type Rows, type Session, type World, type Writer } from './state';

/** The rules that can be removed, one at a time, to see what each prevents. */
export const RULES = [
  'a refresh compares the versions of session and user',
  'a refresh compares the global versions',
  'a refresh compares the generation',
  'a token carries the versions that its statement read',
  'a mismatch that a fresh look does not find is tried again',
  'the token before is answered again within the grace',
  'an older token is a theft',
  'a login locks the user',
  'the user is locked before sessions are carried over',
  'only what lived under the version before is carried over',
  'the session that is kept gets a new salt',
  'a logout of the others that was overtaken is run again',
  'a session is ended however it stands with the versions',
  'a raise counts from the row as it is',
  'an entry is kept for longer than a token lives',
  'the life of an entry counts from its confirmation',
] as const;
export type Rule = (typeof RULES)[number];

/** A request. `session` is the number of the session that it uses, ends, keeps or starts. */
export type Request =
  | { readonly does: 'refresh'; readonly session: number; readonly times?: number; readonly steals?: boolean }
  | { readonly does: 'login'; readonly session: number }
  | { readonly does: 'logout'; readonly session: number }
  | { readonly does: 'logoutEverywhere' }
  | { readonly does: 'logoutOthers'; readonly session: number }
  | { readonly does: 'setRole' }
  | { readonly does: 'forceLogoutAll' };

/** Requests that run at the same time, each at most once. */
export interface Scenario {
  readonly name: string;
  readonly requests: readonly Request[];
  /** 1 by default. Logins start further ones. */
  readonly sessions?: number;
  /** Whether the grace after a rotation may end. If not, it lasts. */
  readonly graceEnds?: boolean;
  /** Whether time passes, in ticks: see log.ts. */
  readonly time?: boolean;
}

export interface Model {
  readonly scenario: Scenario;
  readonly keeps: (rule: Rule) => boolean;
}

export const modelOf = (scenario: Scenario, without?: Rule): Model => ({
  scenario,
  keeps: (rule) => rule !== without,
});

/** The steps of one request. A step is offered only when no lock keeps it waiting. */
export type Steps = (model: Model, world: World, me: number, offer: Offer<World>) => void;

/** What may go wrong in a step. */
export const WRONGS = [
  'a refresh of a live session is refused',
  'one token has two different successors',
  'an old token is exchanged',
  'a logout of the others is refused to a live session',
  'a token of before a logout of the others is exchanged',
  'a client that repeats a refresh within the grace is taken for a thief',
] as const;
export const wrong = (next: World, what: (typeof WRONGS)[number]): void => {
  next.wrong = WRONGS.indexOf(what);
};

/** The last step of every request. */
export const DONE = 9;

export const bitOf = (number: number): number => 1 << number;
export const isIn = (bits: number, number: number): boolean => (bits & bitOf(number)) !== 0;

export const nameOf = ({ scenario }: Model, me: number): string => {
  const { does } = scenario.requests[me]!;
  const isAlone = scenario.requests.filter((each) => each.does === does).length === 1;
  return isAlone ? does : `${does} ${me + 1}`;
};

/** Begins a statement: what is committed now is what it sees. */
export function begin(next: World, me: number, step: number): void {
  const writer = next.writers[me]!;
  writer.snapshot = copyOfRows(next.rows);
  writer.step = step;
  writer.age = 0;
}

/** The transaction's own rows, which become visible when it commits. */
export function written(next: World, writer: Writer): Rows {
  writer.written ??= copyOfRows(next.rows);
  return writer.written;
}

/** Locks a session's row, and returns it as the transaction will leave it: as committed now, and changed further. */
export function lockSession(next: World, me: number, session: number): Session {
  const rows = written(next, next.writers[me]!);
  if (next.sessionsHeldBy[session] !== me) rows.sessions[session] = { ...next.rows.sessions[session]! };
  next.sessionsHeldBy[session] = me;
  return rows.sessions[session]!;
}

/** Whether no other transaction holds the row. */
export const isFree = (heldBy: number, me: number): boolean => heldBy === NONE || heldBy === me;
export const isUserFree = (world: World, me: number): boolean => isFree(world.userHeldBy, me);

/** Ends a transaction. What it has written is visible from now on if it commits, and gone if it does not. */
export function finish(next: World, me: number, commits: boolean, step = DONE): void {
  const writer = next.writers[me]!;
  const { rows } = next;
  if (commits && writer.written) {
    if (next.userHeldBy === me) rows.user = writer.written.user;
    if (next.fleetHeldBy === me) rows.fleet = writer.written.fleet;
    for (const [session, heldBy] of next.sessionsHeldBy.entries())
      if (heldBy === me) rows.sessions[session] = writer.written.sessions[session]!;
  }
  if (next.userHeldBy === me) next.userHeldBy = NONE;
  if (next.fleetHeldBy === me) next.fleetHeldBy = NONE;
  next.sessionsHeldBy = next.sessionsHeldBy.map((heldBy) => (heldBy === me ? NONE : heldBy));
  if (!commits) writer.granted = undefined;
  writer.isAnswered = writer.granted !== undefined;
  writer.snapshot = undefined;
  writer.written = undefined;
  writer.age = 0;
  writer.step = step;
}

export const exists = ({ version }: Session): boolean => version !== NONE;
export const isLive = (row: Session, { user, fleet }: Pick<Rows, 'user' | 'fleet'>): boolean =>
  exists(row) && row.ended === 0 && row.version === user && row.globalVersion === fleet;

const FIRST: Session = { version: 1, globalVersion: 1, generation: 1, salt: 0, ended: 0 };

export function startOf({ requests, sessions = 1 }: Scenario): World {
  const logins = requests.filter(({ does }) => does === 'login').length;
  const all = Array.from({ length: sessions + logins }, (_, session) =>
    session < sessions ? FIRST : { ...FIRST, version: NONE },
  );
  return {
    rows: copyOfRows({ user: 1, fleet: 1, sessions: all }),
    userHeldBy: NONE,
    fleetHeldBy: NONE,
    sessionsHeldBy: all.map(() => NONE),
    writers: requests.map(() => ({
      step: 0,
      snapshot: undefined,
      written: undefined,
      token: { generation: 1, salt: 0 },
      granted: undefined,
      isAnswered: false,
      uses: 0,
      isStale: false,
      age: 0,
    })),
    beyondGrace: 0,
    doomed: 0,
    entry: { stage: 'none', age: 0 },
    wrong: NONE,
  };
}
