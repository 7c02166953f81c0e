import { type Bytes, PackedStates } from './packed-states';

/** Offers one possible next step: its description, and how it changes a copy of the state. */
export type Offer<State> = (what: string, change: (next: State) => void) => void;

/** A system to explore in every interleaving. States are plain data: objects, arrays, small numbers, words. */
export interface System<State> {
  readonly start: State;
  /** Writes a whole state. Different states have different bytes. */
  readonly pack: (bytes: Bytes, state: State) => void;
  /** Reads the state that `pack` wrote, as a copy that may be changed. */
  readonly unpack: (bytes: Bytes) => State;
  /** Offers every possible next step, always in the same order. */
  readonly moves: (state: State, offer: Offer<State>) => void;
  /** The fault of this state, in words; undefined if it has none. */
  readonly fault: (state: State) => string | undefined;
  /** The events that this state and the step to it prove possible. */
  readonly signs: (state: State, what: string) => readonly string[];
}

export interface Exploration {
  readonly states: number;
  readonly transitions: number;
  /** The length of the longest shortest path to a state. */
  readonly depth: number;
  readonly signs: ReadonlySet<string>;
  /** The first fault found. The search is breadth first, so its path is a shortest one. */
  readonly fault?: { readonly what: string; readonly trace: readonly string[] };
}

/** The limit on states: a scenario beyond it is not bounded well. */
const MOST_STATES = 150_000;

/**
 * Explores every reachable state, nearest first, and stops at the first fault. Nothing is left out: no order of events
 * stands for another one, and two states are one only if they are equal.
 */
export function explore<State>(system: System<State>, mostStates = MOST_STATES): Exploration {
  const { start, pack, unpack, moves, fault, signs } = system;
  const states = new PackedStates();
  /** The state and the step from which each state was first reached. */
  const cameFrom: number[] = [];
  const by: number[] = [];
  const shown = new Set<string>();
  let transitions = 0;
  let depth = 0;

  const open = (state: number) => {
    states.open(state);
    return unpack(states);
  };
  /** Not kept for every state, because only the path to a fault is shown. */
  const nameOfMove = (state: number, number: number) => {
    const offered: string[] = [];
    moves(open(state), (what) => offered.push(what));
    return offered[number]!;
  };
  const traceTo = (state: number) => {
    const trace: string[] = [];
    for (let at = state; at > 0; at = cameFrom[at]!) trace.unshift(nameOfMove(cameFrom[at]!, by[at]!));
    return trace;
  };
  const add = (state: State) => {
    states.begin();
    pack(states, state);
    return states.add();
  };
  const reached = (state: State, from: number, move: number, what: string): string | undefined => {
    cameFrom.push(from);
    by.push(move);
    for (const sign of signs(state, what)) shown.add(sign);
    return fault(state);
  };
  const result = (wrong?: string): Exploration => ({
    states: states.size,
    transitions,
    depth,
    signs: shown,
    fault: wrong === undefined ? undefined : { what: wrong, trace: traceTo(states.size - 1) },
  });

  add(start);
  const wrongAtStart = reached(start, 0, 0, '');
  if (wrongAtStart !== undefined) return result(wrongAtStart);
  let layerEnd = states.size;
  for (let state = 0; state < states.size; state += 1) {
    if (state === layerEnd) {
      layerEnd = states.size;
      depth += 1;
    }
    let wrong: string | undefined;
    let offered = 0;
    moves(open(state), (what, change) => {
      if (wrong !== undefined) return;
      transitions += 1;
      const next = open(state);
      change(next);
      if (add(next)) wrong = reached(next, state, offered, what);
      offered += 1;
    });
    if (wrong !== undefined) return result(wrong);
    if (states.size > mostStates)
      throw new Error(`More than ${mostStates} states: bound the scenario better.`);
  }
  return result();
}
