/** For whom a hash is made. */
export interface Asker {
  /** The network that the client is in: the queue shares its turns among these. */
  readonly network: string;
  /** Aborted when the client has gone: then the hash need not be made. */
  readonly signal?: AbortSignal;
}

/**
 * Hashes and compares passwords, a bounded number at a time; further callers wait. Both throw `SERVICE_UNAVAILABLE` for a
 * caller that would wait for too long, or whose client has gone.
 */
export interface Passwords {
  /** @param asker left out for work of the service itself */
  hash(password: string, asker?: Asker): Promise<string>;
  /**
   * Takes as long without a hash to compare with as with one, so that time does not tell whether a user exists.
   *
   * @param findHash is called when it is the caller's turn
   */
  matches(findHash: () => Promise<string | undefined>, password: string, asker: Asker): Promise<boolean>;
  /**
   * What is wrong with a new password, in a sentence for its owner; `undefined` when it is accepted.
   *
   * @param email of the account that it is for
   */
  faultOf(password: string, email: string): string | undefined;
}
