/**
 * Whether the copies are to be believed. They are not while they can't be written, as then they grow old; nor when they
 * have come back with what they had, before all that was revoked meanwhile has been delivered to them.
 */
export interface Trust {
  readonly holds: boolean;
  lose(): void;
  gain(): void;
}

/** None at first: a node that starts may find copies that another has failed to reach. */
export function createTrust(): Trust {
  let holds = false;
  return {
    get holds() {
      return holds;
    },
    lose() {
      holds = false;
    },
    gain() {
      holds = true;
    },
  };
}
