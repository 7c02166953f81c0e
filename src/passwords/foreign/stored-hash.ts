/** Compares a password with a bcrypt hash, away from the event loop. */
export type CompareBcrypt = (password: string, hash: string) => Promise<boolean>;

/** A hash of a kind that this server can compare. */
export interface StoredHash {
  /** How it is stored: in one form for each kind. */
  readonly text: string;
  /** The algorithm and its parameters. Hashes with the same settings take the same time. */
  readonly settings: string;
  /** ms that a comparison takes on a slow processor, estimated from the parameters. */
  readonly work: number;
  /** bytes that a comparison needs */
  readonly memory: number;
  compare(password: string, bcrypt: CompareBcrypt): Promise<boolean>;
}

/** Reads a hash of one kind; `undefined` if it is of another, or malformed. */
export type ReadHash = (text: string) => StoredHash | undefined;
