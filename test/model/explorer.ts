/** Offers one thing that may happen next: what it is, in words, and how it changes a copy of the state. */
export type Offer<State> = (what: string, change: (next: State) => void) => void;

/** A system whose every interleaving is to be looked at. States are plain data: objects, arrays, small numbers, words. */
export interface System<State> {
  readonly start: State;
  readonly copy: (state: State) => State;
  /** Offers everything that may happen in this state. */
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

const buffer = Buffer.alloc(4096);
const numberOfWord = new Map<string, number>();

/**
 * The state as a short string, equal for equal states only: a byte for each number or word, in the order of the
 * properties, and a byte for the length of each array. Numbers of a state lie between -1 and 250.
 */
function encode(state: unknown): string {
  let length = 0;
  const put = (value: unknown) => {
    if (typeof value === 'number') buffer[length++] = value + 1;
    else if (typeof value === 'boolean') buffer[length++] = value ? 1 : 0;
    else if (value === undefined) buffer[length++] = 255;
    else if (typeof value === 'string') {
      if (!numberOfWord.has(value)) numberOfWord.set(value, numberOfWord.size);
      put(numberOfWord.get(value));
    } else if (Array.isArray(value)) {
      buffer[length++] = value.length;
      for (const item of value) put(item);
    } else {
      const properties = value as Record<string, unknown>;
      for (const name in properties) put(properties[name]);
    }
  };
  put(state);
  return buffer.toString('latin1', 0, length);
}

/**
 * Looks at every state that can be reached, nearest first, and stops at the first fault. Nothing is left out: no order
 * of events is taken to stand for another one, and two states are one only when they are equal.
 */
export function explore<State>({ start, copy, moves, fault, signs }: System<State>): Exploration {
  const seen = new Set<string>();
  /** How each state was first reached: from which one, and by what. */
  const cameFrom: number[] = [];
  const by: string[] = [];
  const shown = new Set<string>();
  let transitions = 0;
  let depth = 0;

  const traceTo = (index: number) => {
    const trace: string[] = [];
    for (let at = index; at > 0; at = cameFrom[at]!) trace.unshift(by[at]!);
    return trace;
  };
  const reached = (state: State, from: number, what: string): string | undefined => {
    cameFrom.push(from);
    by.push(what);
    for (const sign of signs(state, what)) shown.add(sign);
    return fault(state);
  };
  const result = (wrong?: string): Exploration => ({
    states: seen.size,
    transitions,
    depth,
    signs: shown,
    fault: wrong === undefined ? undefined : { what: wrong, trace: traceTo(cameFrom.length - 1) },
  });

  seen.add(encode(start));
  const wrongAtStart = reached(start, 0, '');
  if (wrongAtStart !== undefined) return result(wrongAtStart);

  let layer: State[] = [start];
  let first = 0;
  while (layer.length > 0) {
    const nextLayer: State[] = [];
    for (const [offset, state] of layer.entries()) {
      let wrong: string | undefined;
      moves(state, (what, change) => {
        if (wrong !== undefined) return;
        transitions += 1;
        const next = copy(state);
        change(next);
        const key = encode(next);
        if (seen.has(key)) return;
        seen.add(key);
        nextLayer.push(next);
        wrong = reached(next, first + offset, what);
      });
      if (wrong !== undefined) return result(wrong);
      if (seen.size > MOST_STATES)
        throw new Error(`More than ${MOST_STATES} states: bound the scenario better.`);
    }
    first += layer.length;
    layer = nextLayer;
    if (layer.length > 0) depth += 1;
  }
  return result();
}
