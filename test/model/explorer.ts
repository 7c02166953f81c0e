import { type Bytes, PackedStates } from './packed-states';

/** Offers one thing that may happen next: what it is, in words, and how it changes a copy of the state. */
export type Offer<State> = (what: string, change: (next: State) => void) => void;

/** A system whose every interleaving is to be looked at. States are plain data: objects, arrays, small numbers, words. */
export interface System<State> {
  readonly start: State;
  /** Writes all of a state. Other states have other bytes. */
  readonly pack: (bytes: Bytes, state: State) => void;
  /** Reads a copy, which may be changed, of what `pack` wrote. */
  readonly unpack: (bytes: Bytes) => State;
  /** Offers everything that may happen in this state, in the same order each time. */
  readonly moves: (state: State, offer: Offer<State>) => void;
  /** What is wrong with this state, in words; undefined when nothing is. */
  readonly fault: (state: State) => string | undefined;
  /** What this state, and what has just led to it, prove to be possible. */
  readonly signs: (state: State, what: string) => readonly string[];
}

export interface Exploration {
  readonly states: number;
  readonly transitions: number;
  /** The longest of the shortest ways to a state. */
  readonly depth: number;
  readonly signs: ReadonlySet<string>;
  /** The first fault that was met; as the search goes breadth first, by a shortest way. */
  readonly fault?: { readonly what: string; readonly trace: readonly string[] };
}

/** States beyond this number mean that a scenario was not bounded well. */
const MOST_STATES = 150_000;

/**
 * Looks at every state that can be reached, nearest first, and stops at the first fault. Nothing is left out: no order
 * of events is taken to stand for another one, and two states are one only when they are equal.
 */
export function explore<State>({ start, pack, unpack, moves, fault, signs }: System<State>): Exploration {
  const states = new PackedStates();
  /** How each state was first reached: from which one, and by which of the moves that are offered there. */
  const cameFrom: number[] = [];
  const by: number[] = [];
  const shown = new Set<string>();
  let transitions = 0;
  let depth = 0;

  const open = (state: number) => {
    states.open(state);
    return unpack(states);
  };
  /** Not kept for every state: only the way to a fault is ever told. */
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
    if (states.size > MOST_STATES)
      throw new Error(`More than ${MOST_STATES} states: bound the scenario better.`);
  }
  return result();
}
