/** Hashes and compares passwords, a bounded number at a time; further callers wait. */
export interface Passwords {
  hash(password: string): Promise<string>;
  /** Takes as long without a hash to compare with as with one, so that time does not tell whether a user exists. */
  matches(hash: string | undefined, password: string): Promise<boolean>;
  /** What is wrong with a new password, in a sentence for its owner; `undefined` when it will do. */
  faultOf(password: string): string | undefined;
}
