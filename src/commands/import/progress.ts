/** ms between two signs of life */
const [ON_TERMINAL, IN_FILE] = [100, 5000];

/** Characters of the bar. */
const WIDTH = 30;

const CLEAR_LINE = '\r\u001b[K';

/** The stream that shows the progress and the faults. */
export interface Output {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

const count = (n: number) => n.toLocaleString('en-US');

/** Shows how far the import is: a bar on a terminal, a line now and then elsewhere. */
export class Progress {
  private readonly begun = performance.now();
  private shown = this.begun;
  private bytes = 0;

  /** @param size bytes of the file, if known */
  constructor(
    private readonly output: Output,
    private readonly size: number | undefined,
  ) {}

  /**
   * @param bytes that were read since the last call
   * @param accounts that were read in all
   */
  advance(bytes: number, accounts: number): void {
    this.bytes += bytes;
    const now = performance.now();
    const isTTY = this.output.isTTY === true;
    if (now - this.shown < (isTTY ? ON_TERMINAL : IN_FILE)) return;
    this.shown = now;
    const seconds = (now - this.begun) / 1000;
    const text = `${count(accounts)} accounts read, ${count(Math.round(accounts / seconds))} a second`;
    const share = this.size ? Math.min(1, this.bytes / this.size) : undefined;
    if (isTTY) this.output.write(`${CLEAR_LINE}${share === undefined ? '' : `${bar(share)} `}${text}`);
    else this.output.write(`${share === undefined ? '' : `${percent(share)}: `}${text}\n`);
  }

  /** Writes a line that stays. */
  say(text: string): void {
    this.output.write(`${this.output.isTTY ? CLEAR_LINE : ''}${text}\n`);
  }

  /** Removes the bar. */
  end(): void {
    if (this.output.isTTY) this.output.write(CLEAR_LINE);
  }
}

const percent = (share: number) => `${Math.floor(share * 100)} %`;

const bar = (share: number) =>
  `[${'#'.repeat(Math.floor(share * WIDTH)).padEnd(WIDTH, '-')}] ${percent(share).padStart(5)}`;
