/** How a store does. */
export interface Reachable {
  /** Resolves when the store answers within its deadline, and does what it is for; rejects otherwise. */
  ping(): Promise<void>;
}
