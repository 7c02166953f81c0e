import { type Piece, PieceBuffer, type Splitter } from './pieces';

const [LF, QUOTE, BACKSLASH, OPEN, CLOSE, LIST] = [...Buffer.from('\n"\\{}[')] as [
  number,
  number,
  number,
  number,
  number,
  number,
];

/** What may stand between the objects of a list. */
const BETWEEN = new Set(Buffer.from(' \t\r,[]}'));

/** How the export of Firebase begins: an object around the list of users. */
const WRAPPER = /^\{\s*"users"\s*:\s*$/;
const LONGEST_WRAPPER = 100;

/**
 * Cuts a stream into the JSON objects of a list, however it is laid out: Firebase's export, an array, or one object
 * after the other. It does not hold the list in memory.
 *
 * An object that is not whole ends where another begins at the start of a line, which is how exports are laid out. So
 * it takes no other with it. A string that is not closed ends with its line: JSON has no line breaks in strings.
 */
export class Objects implements Splitter {
  private readonly buffer = new PieceBuffer();
  private line = 1;
  /** The line where the object begins. */
  private begin = 1;
  private depth = 0;
  private isInString = false;
  private isEscaped = false;
  private isLineStart = true;
  /** Whether this text, which is not an object, was already reported. */
  private isStray = false;

  push(chunk: Buffer): Piece[] {
    const pieces: Piece[] = [];
    // Where the part of the object begins that is not in the buffer yet.
    let from = 0;
    const keep = (end: number) => {
      this.buffer.add(chunk.subarray(from, end));
      from = end;
    };
    const finish = (end: number) => {
      keep(end);
      pieces.push(this.buffer.take(this.begin));
      this.depth = 0;
      this.isInString = false;
    };
    for (let at = 0; at < chunk.length; at++) {
      const byte = chunk[at] ?? 0;
      if (byte === LF) {
        this.endLine();
        continue;
      }
      const isFirst = this.isLineStart;
      this.isLineStart = false;
      if (isFirst && byte === OPEN && this.depth > 0) finish(at);
      if (this.depth === 0) {
        if (byte === OPEN) {
          from = at;
          this.start();
        } else if (!BETWEEN.has(byte) && !this.isStray) {
          this.isStray = true;
          pieces.push({ line: this.line, bytes: Buffer.of(byte) });
        }
        continue;
      }
      this.step(byte);
      if (this.depth === 0) finish(at + 1);
      else if (byte === LIST && this.depth === 1 && !this.isInString) {
        keep(at);
        if (this.isWrapper()) {
          this.buffer.take(this.line);
          this.depth = 0;
        }
      }
    }
    if (this.depth > 0) keep(chunk.length);
    return pieces;
  }

  end(): Piece[] {
    return this.depth > 0 ? [this.buffer.take(this.begin)] : [];
  }

  private endLine(): void {
    this.line += 1;
    this.isLineStart = true;
    this.isInString = false;
    this.isEscaped = false;
  }

  private start(): void {
    this.depth = 1;
    this.begin = this.line;
    this.isStray = false;
  }

  private isWrapper(): boolean {
    return this.buffer.length <= LONGEST_WRAPPER && WRAPPER.test(this.buffer.text());
  }

  /** Follows one byte inside an object. */
  private step(byte: number): void {
    if (this.isInString) {
      if (this.isEscaped) this.isEscaped = false;
      else if (byte === BACKSLASH) this.isEscaped = true;
      else if (byte === QUOTE) this.isInString = false;
    } else if (byte === QUOTE) this.isInString = true;
    else if (byte === OPEN) this.depth += 1;
    else if (byte === CLOSE) this.depth -= 1;
  }
}
