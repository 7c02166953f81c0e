/** A store that can be asked whether it works. */
export interface Reachable {
  /** Resolves if the store answers in time and does its work; otherwise rejects. */
  ping(): Promise<void>;
}
