/**
 * A Bloom filter with one hash: rules out most names that were never added. A look into a table of a million names waits
 * for main memory several times. This filter fits into the CPU's caches much better, and nearly every answer is "no".
 */
export interface Filter {
  add(name: string): void;
  /** `false` is certain; `true` means that you must look into the table. */
  mayHold(name: string): boolean;
  /** It holds as many names as it was made for. With more it stays right, but rules out fewer. */
  readonly isFull: boolean;
}

/** A name sets one bit of so many, so at most one look-up in 16 is in vain. */
const BITS_PER_NAME = 16;

const FEWEST_BITS = 2 ** 16;
const MOST_BITS = 2 ** 31;

/** Characters that are hashed. Names are random at the end: ids are UUIDs, key ids end with a hash. */
const LETTERS = 12;

function hash(name: string): number {
  let sum = 0;
  for (let i = Math.max(0, name.length - LETTERS); i < name.length; i++) {
    sum = Math.imul(sum ^ name.charCodeAt(i), 0x01000193);
  }
  // The lower bits choose the place, so the upper ones are mixed into them.
  sum = Math.imul(sum ^ (sum >>> 15), 0x2c1b3c6d);
  return (sum ^ (sum >>> 13)) >>> 0;
}

/** @param names the number of names that it is made for */
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
