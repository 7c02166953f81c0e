/**
 * Writes the numbers of one state, and reads them again in the same order. They must show by themselves where the
 * state ends, so a list is written after its length.
 */
export interface Bytes {
  /** Writes whole numbers from -1 to 254. */
  put(...numbers: number[]): void;
  take(): number;
}

/** The most bytes of a state. */
const LONGEST = 4096;

/** An empty place of the hash table. */
const FREE = -1;

/** Looked up once: in jest, each use of a global costs more than the rest of the hash. */
const { imul } = Math;

/**
 * A list of different states, as bytes one after the other. A state is written after the last one and stays there if
 * it is new. Equal hashes prove nothing: two states are one only if all their bytes are equal.
 */
export class PackedStates implements Bytes {
  private bytes = new Uint8Array(1 << 20);
  /** The same memory: hashing and comparing take four bytes at a time. */
  private words = new Int32Array(this.bytes.buffer);
  /** The next byte to write or read. */
  private at = 0;
  /** The bits set in any byte of the state being written. Checked once per state, not once per byte. */
  private bits = 0;
  /** The start of each state, counted in words, and of the next one. */
  private readonly begins = [0];
  /** A hash table of the states' numbers. A state whose place is taken gets the next free place. */
  private places = new Int32Array(1024).fill(FREE);

  get size(): number {
    return this.begins.length - 1;
  }

  /** From here on, `put` writes a new state. */
  begin(): void {
    this.open(this.size);
    this.bits = 0;
    if (this.at + LONGEST > this.bytes.length) this.makeRoom();
  }

  /** From here on, `take` reads this state. */
  open(state: number): void {
    this.at = this.begins[state]! * 4;
  }

  put(...numbers: number[]): void {
    const { bytes } = this;
    let { at, bits } = this;
    for (let index = 0; index < numbers.length; index += 1) {
      const written = numbers[index]! + 1;
      bits |= written;
      bytes[at++] = written;
    }
    this.at = at;
    this.bits = bits;
  }

  take(): number {
    return this.bytes[this.at++]! - 1;
  }

  /**
   * Adds the state written since `begin`. Returns false if it is there already. Throws a RangeError if it is too long,
   * or if one of its numbers is not from -1 to 254.
   */
  add(): boolean {
    while (this.at % 4 > 0) this.put(-1);
    const begin = this.begins[this.size]!;
    const end = this.at / 4;
    if (this.bits >> 8 !== 0) throw new RangeError('A number of this state does not fit into a byte.');
    if (this.at - begin * 4 > LONGEST) throw new RangeError(`This state takes more than ${LONGEST} bytes.`);
    const place = this.placeOf(begin, end);
    if (this.places[place] !== FREE) return false;
    this.places[place] = this.size;
    this.begins.push(end);
    if (this.size * 2 > this.places.length) this.makePlaces();
    return true;
  }

  /** The place that holds the state of these words, or is free for it. */
  private placeOf(begin: number, end: number): number {
    const { words, places } = this;
    let hash = 0;
    for (let word = begin; word < end; word += 1) {
      hash = imul(hash ^ words[word]!, 0x9e3779b1);
      hash ^= hash >>> 15;
    }
    const mask = places.length - 1;
    let place = hash & mask;
    while (places[place] !== FREE && !this.equals(places[place]!, begin, end)) place = (place + 1) & mask;
    return place;
  }

  private equals(state: number, begin: number, end: number): boolean {
    const { words } = this;
    const shift = this.begins[state]! - begin;
    if (this.begins[state + 1]! !== end + shift) return false;
    for (let word = begin; word < end; word += 1) if (words[word] !== words[word + shift]) return false;
    return true;
  }

  private makeRoom(): void {
    const { bytes } = this;
    this.bytes = new Uint8Array(2 * bytes.length);
    this.bytes.set(bytes);
    this.words = new Int32Array(this.bytes.buffer);
  }

  private makePlaces(): void {
    this.places = new Int32Array(4 * this.places.length).fill(FREE);
    for (let state = 0; state < this.size; state += 1)
      this.places[this.placeOf(this.begins[state]!, this.begins[state + 1]!)] = state;
  }
}

/** Writes a state and reads it again. Answers what was read. */
export function packAndUnpack<State>(
  pack: (bytes: Bytes, state: State) => void,
  unpack: (bytes: Bytes) => State,
  state: State,
): State {
  const states = new PackedStates();
  states.begin();
  pack(states, state);
  states.add();
  states.open(0);
  return unpack(states);
}
