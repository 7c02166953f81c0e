/**
 * Whether the copies are to be believed. They are not while they can't be written, as then they grow old; nor when they
 * have come back with what they had, before all that was revoked meanwhile has been delivered to them.
 */
export interface Trust {
  readonly holds: boolean;
  /** How often it was lost: tells whoever is about to gain it whether that is out of date. */
  readonly losses: number;
  lose(): void;
  gain(): void;
}

/** None at first: a node that starts may find copies that another has failed to reach. */
export function createTrust(): Trust {
  let holds = false;
  let losses = 0;
  return {
    get holds() {
      return holds;
    },
    get losses() {
      return losses;
    },
    lose() {
      holds = false;
      losses += 1;
    },
    gain() {
      holds = true;
    },
  };
}
