/**
 * Tells of most names that were never added that they were not, and of none that was. A look into a table of a million
 * names waits for the machine's memory several times; this lies close at hand, and nearly every answer is "no".
 */
export interface Filter {
  add(name: string): void;
  /** `false` is certain; `true` means to look it up. */
  mayHold(name: string): boolean;
  /** It has been given as many as it was made for: with more it would still be right, but of less and less use. */
  readonly isFull: boolean;
}

/** Of so many bits one is set for each name: so one look-up in 16, at the most, is in vain. */
const BITS_PER_NAME = 16;

const FEWEST_BITS = 2 ** 16;
const MOST_BITS = 2 ** 31;

/** Names are random where they end: ids are UUIDs, key ids are hashes. */
const LETTERS = 12;

function hash(name: string): number {
  let sum = 0;
  for (let i = Math.max(0, name.length - LETTERS); i < name.length; i++) {
    sum = Math.imul(sum ^ name.charCodeAt(i), 0x01000193);
  }
  // The lower bits choose the place, so what is in the upper ones has to come down.
  sum = Math.imul(sum ^ (sum >>> 15), 0x2c1b3c6d);
  return (sum ^ (sum >>> 13)) >>> 0;
}

/** @param names how many it is to take */
export function createFilter(names: number): Filter {
  let bits = FEWEST_BITS;
  while (bits < MOST_BITS && bits < names * BITS_PER_NAME) bits *= 2;
  const words = new Int32Array(bits / 32);
  const mask = bits - 1;
  let added = 0;

  return {
    add(name) {
      const place = hash(name) & mask;
      words[place >>> 5] = (words[place >>> 5] ?? 0) | (1 << (place & 31));
      added += 1;
    },
    mayHold(name) {
      const place = hash(name) & mask;
      return ((words[place >>> 5] ?? 0) & (1 << (place & 31))) !== 0;
    },
    get isFull() {
      return added * BITS_PER_NAME >= bits && bits < MOST_BITS;
    },
  };
}
