/** The longest line, or the longest object of an export, in bytes. */
export const LONGEST_PIECE = 65_536;

/** A part of the file that should be one account. */
export interface Piece {
  /** The line where it begins. The first is 1. */
  readonly line: number;
  /** `undefined` if it is longer than allowed. */
  readonly bytes: Buffer | undefined;
}

/** Cuts a stream into pieces. */
export interface Splitter {
  push(chunk: Buffer): Piece[];
  /** Returns what is left when the stream has ended. */
  end(): Piece[];
}

/** Collects the bytes of a piece, which may come in several chunks. Holds at most `LONGEST_PIECE`. */
export class PieceBuffer {
  private parts: Buffer[] = [];
  private held = 0;

  get length(): number {
    return this.held;
  }

  add(part: Buffer): void {
    this.held += part.length;
    if (this.held <= LONGEST_PIECE) this.parts.push(part);
    else this.parts = [];
  }

  text(): string {
    return Buffer.concat(this.parts).toString('latin1');
  }

  /** Empties it, and returns what it held. */
  take(line: number): Piece {
    const bytes = this.held <= LONGEST_PIECE ? Buffer.concat(this.parts) : undefined;
    this.parts = [];
    this.held = 0;
    return { line, bytes };
  }
}
