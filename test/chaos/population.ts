import type { FleetNode } from './fleet';
import type { Token } from './ledger';
import type { Random } from './random';
import type { Exchange } from './requests';
import type { Tally } from './tally';
import type { Witness } from './witness';

export interface User {
  readonly id: string;
  readonly email: string;
  /** The one in force; behind it another that may be, when the answer to a change got lost. */
  passwords: string[];
  /** Being kept out, or deleted, or that may be. */
  out: boolean;
  /** Counts what may keep the user from signing in. */
  changes: number;
  role: 'USER' | 'ADMIN';
}

/** One device of one user. */
export interface Session {
  readonly user: User;
  readonly id: string;
  token: Token;
  refreshToken: string;
  /** Somebody is at it: a device does one thing at a time. What others do to it meanwhile is another matter. */
  busy: boolean;
  /** An answer with another refresh token may have got lost, so that this one need not be good. */
  shaky: boolean;
}

/** A session whose refresh token was refused, so something must have ended it. */
export interface DeadSession {
  readonly id: string;
  readonly exchange: Exchange;
}

/** All who sign in, and what they hold. */
export interface Population {
  readonly users: User[];
  readonly sessions: Set<Session>;
  /** Tokens that should be refused, oldest first. */
  readonly ended: Token[];
  readonly dead: DeadSession[];
  newEmail(): string;
}

/** Where one of those who act stands. */
export interface Scene {
  readonly node: FleetNode;
  readonly nodes: readonly FleetNode[];
  readonly random: Random;
  readonly population: Population;
  readonly witness: Witness;
  readonly tally: Tally;
  readonly stop: AbortSignal;
  /** Checks tokens on every node, which nobody waits for. */
  checkEverywhere(tokens: readonly Token[]): void;
  /** The administrator's own session, once there is one. */
  admin?: Session;
}

export function createPopulation(): Population {
  let count = 0;
  return {
    users: [],
    sessions: new Set(),
    ended: [],
    dead: [],
    newEmail: () => `user${++count}@example.com`,
  };
}
