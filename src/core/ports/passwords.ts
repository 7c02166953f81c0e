/** The client that a hash is made for. */
export interface Asker {
  /** See `siteOf`. The queue shares its turns among sites. */
  readonly site: string;
  /** Aborted when the client disconnects: the hash is not needed then. */
  readonly signal?: AbortSignal;
}

/**
 * Hashes and compares passwords, a limited number at once; other callers wait. These two methods throw `SERVICE_UNAVAILABLE`
 * for a caller that would wait too long, or whose client has disconnected.
 */
export interface Passwords {
  /** @param asker leave out for work of the server itself */
  hash(password: string, asker?: Asker): Promise<string>;
  /**
   * Compares a password. Takes as long without a stored hash as with one, so the time does not show whether a user
   * exists.
   *
   * @param findHash called when it is the caller's turn
   */
  matches(findHash: () => Promise<string | undefined>, password: string, asker: Asker): Promise<boolean>;
  /** Whether a hash is made as new ones are. If not, it was imported: make a new one when the password is at hand. */
  isCurrent(hash: string): Promise<boolean>;
  /** Says what is wrong with a new password for this email, in a sentence for the user; `undefined` if it is accepted. */
  faultOf(password: string, email: string): string | undefined;
}
