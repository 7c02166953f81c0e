import { type Piece, PieceBuffer, type Splitter } from './pieces';

const LF = 0x0a;

/** Cuts a stream into lines. */
export class Lines implements Splitter {
  private readonly buffer = new PieceBuffer();
  private line = 1;

  push(chunk: Buffer): Piece[] {
    const pieces: Piece[] = [];
    let from = 0;
    for (let end = chunk.indexOf(LF); end >= 0; end = chunk.indexOf(LF, from)) {
      this.buffer.add(chunk.subarray(from, end));
      pieces.push(this.buffer.take(this.line++));
      from = end + 1;
    }
    this.buffer.add(chunk.subarray(from));
    return pieces;
  }

  end(): Piece[] {
    return this.buffer.length > 0 ? [this.buffer.take(this.line)] : [];
  }
}
