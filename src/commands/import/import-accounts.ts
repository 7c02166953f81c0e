import type { NewAccount, Present } from '../../postgres/import';
import type { Format } from './formats';
import { LineFault } from './line-fault';
import type { Piece } from './pieces';
import type { Progress } from './progress';
import { readAccount } from './read-account';

/** How many accounts one statement makes. */
const BATCH = 1000;

const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf]);

/** What an import has done. */
export interface Tally {
  /** Accounts in the file, broken ones too. */
  read: number;
  imported: number;
  /** Were there already, with the same password hash. */
  present: number;
  refused: number;
  /** Imported without a password. */
  withoutPassword: number;
  /** Had a profile, which is not kept. */
  profiles: number;
}

/** Makes accounts with different emails. Returns those that it did not make. */
export type Store = (accounts: readonly NewAccount[]) => Promise<Present[]>;

const isEmpty = ({ bytes }: Piece) => bytes !== undefined && bytes.toString('latin1').trim() === '';

/**
 * Imports a stream of accounts. Whatever is wrong with one is said with the number of its line, and stops no other. It
 * holds two batches at most: one is read while the other is stored.
 */
export class Import {
  readonly tally: Tally = { read: 0, imported: 0, present: 0, refused: 0, withoutPassword: 0, profiles: 0 };
  private batch = new Map<string, NewAccount>();
  private storing = Promise.resolve();

  constructor(
    private readonly format: Format,
    private readonly store: Store,
    private readonly progress: Progress,
    /** The roles that an account may have. */
    private readonly roles: readonly string[],
  ) {}

  /** Reads the whole stream. Rejects if the stream or the store fails: what was stored stays. */
  async run(input: AsyncIterable<Buffer>): Promise<void> {
    const splitter = this.format.createSplitter();
    let isFirst = true;
    for await (const chunk of input) {
      const hasMark = isFirst && chunk.subarray(0, 3).equals(BYTE_ORDER_MARK);
      isFirst = false;
      for (const piece of splitter.push(hasMark ? chunk.subarray(3) : chunk)) await this.take(piece);
      this.progress.advance(chunk.length, this.tally.read);
    }
    for (const piece of splitter.end()) await this.take(piece);
    await this.flush();
    await this.storing;
  }

  private async take(piece: Piece): Promise<void> {
    if (isEmpty(piece)) return;
    this.tally.read += 1;
    try {
      const { account, hasProfile } = readAccount(piece, this.format, this.roles);
      if (hasProfile) this.tally.profiles += 1;
      this.add(account);
    } catch (error) {
      if (!(error instanceof LineFault)) throw error;
      this.refuse(piece.line, error.message);
    }
    if (this.batch.size >= BATCH) await this.flush();
  }

  private add(account: NewAccount): void {
    const twin = this.batch.get(account.emailKey);
    if (!twin) this.batch.set(account.emailKey, account);
    else if (twin.passwordHash === account.passwordHash) this.tally.present += 1;
    else this.refuse(account.line, `has the email of line ${twin.line}, and another password`);
  }

  private refuse(line: number, what: string): void {
    this.tally.refused += 1;
    this.progress.say(`line ${line}: ${what}`);
  }

  /** Stores the batch after the one before. Waits only for that one. */
  private async flush(): Promise<void> {
    const accounts = [...this.batch.values()];
    this.batch = new Map();
    await this.storing;
    this.storing = this.storeBatch(accounts);
    // It is awaited with the next batch; until then a failure must not count as unhandled.
    this.storing.catch(() => undefined);
  }

  private async storeBatch(accounts: readonly NewAccount[]): Promise<void> {
    if (accounts.length === 0) return;
    const others = new Map((await this.store(accounts)).map((each) => [each.line, each]));
    for (const { line, passwordHash } of accounts) {
      const other = others.get(line);
      if (!other) {
        this.tally.imported += 1;
        if (passwordHash === null) this.tally.withoutPassword += 1;
      } else if (other.isSame) this.tally.present += 1;
      else this.refuse(line, 'has the email of another account, which was left as it is');
    }
  }
}
