import type { FleetNode } from './fleet';
import { createGenerations, type Generations } from './generations';
import type { Token } from './ledger';
import type { Random } from './random';
import type { Exchange } from './requests';
import type { Tally } from './tally';
import type { Witness } from './witness';

export interface User {
  readonly id: string;
  readonly email: string;
  /** The current password, and another possible one after a change without an answer. */
  passwords: string[];
  /** Disabled or deleted, or possibly so. */
  out: boolean;
  /** Counts the events that may keep the user from signing in. */
  changes: number;
  role: 'USER' | 'ADMIN';
}

/** One device of one user. */
export interface Session {
  readonly user: User;
  readonly id: string;
  token: Token;
  refreshToken: string;
  /** The refresh tokens of before, oldest first, but for those that a `logoutOthers` has made useless. */
  used: string[];
  /** When the refresh token was first sent, if it got no answer. ms of `performance.now()`. */
  unanswered?: number;
  /** An action runs on it. A device does one thing at a time, but others may end its session meanwhile. */
  busy: boolean;
  /** The answer of a `logoutOthers` or `changePassword` is lost. It may have made this refresh token useless. */
  shaky: boolean;
}

/** A session whose refresh token was refused. Something must have ended it. */
export interface DeadSession {
  readonly id: string;
  readonly exchange: Exchange;
}

/** All users and their tokens. */
export interface Population {
  readonly users: User[];
  readonly sessions: Set<Session>;
  /** Tokens that should be refused, oldest first. */
  readonly ended: Token[];
  readonly dead: DeadSession[];
  /** Sessions that their own clients have ended, oldest first. */
  readonly gone: Session[];
  readonly generations: Generations;
  /** The ids of sessions whose old refresh tokens were sent, so that they may have been ended for theft. */
  readonly robbed: Set<string>;
  newEmail(): string;
}

/** The environment of one client. */
export interface Scene {
  readonly node: FleetNode;
  readonly nodes: readonly FleetNode[];
  readonly random: Random;
  readonly population: Population;
  readonly witness: Witness;
  readonly tally: Tally;
  readonly stop: AbortSignal;
  /** Checks tokens on every node and service, without a wait. */
  checkEverywhere(tokens: readonly Token[]): void;
  /** The administrator's session, once there is one. */
  admin?: Session;
}

/** A revocation by a user on one of their devices, or by the administrator against that device. */
export type Action = (scene: Scene, session: Session) => Promise<void>;

export function createPopulation(): Population {
  let count = 0;
  return {
    users: [],
    sessions: new Set(),
    ended: [],
    dead: [],
    gone: [],
    generations: createGenerations(),
    robbed: new Set(),
    newEmail: () => `user${++count}@example.com`,
  };
}
