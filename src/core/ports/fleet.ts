/** The values that all users share. */
export interface Fleet {
  readonly globalVersion: number;
  /** The key that signs now. */
  readonly signingKeyId: string;
  /** The key that is published already and will sign from a later time. */
  readonly nextKey?: { readonly id: string; readonly signsFrom: Date };
  /** ms since the epoch, by the clock of Postgres. */
  readonly now: number;
}

export interface FleetState {
  /** Reads and locks: other transactions that would raise the version or change the key wait until this one ends. */
  lock(): Promise<Fleet>;
}
