/** Work that waits for its turn. */
interface Waiting {
  readonly block: string;
  readonly begin: () => void;
}

/** Gives turns, a few at the same time. */
export interface Line {
  /**
   * Calls `begin` when it is this one's turn, perhaps at once.
   *
   * @param block an address block; one block gets a second turn at the same time only if no other block waits
   * @returns ends the turn, or the wait for it; may be called again
   */
  join(block: string, begin: () => void): () => void;
}

/** @param most turns at the same time */
export function createLine(most: number): Line {
  const waiting: Waiting[] = [];
  const running = new Set<Waiting>();

  const next = () => {
    while (running.size < most && waiting.length > 0) {
      const busy = new Set([...running].map(({ block }) => block));
      const other = waiting.findIndex(({ block }) => !busy.has(block));
      const [chosen] = waiting.splice(Math.max(0, other), 1);
      if (!chosen) return;
      running.add(chosen);
      chosen.begin();
    }
  };

  return {
    join(block, begin) {
      const own = { block, begin };
      waiting.push(own);
      next();
      return () => {
        const place = waiting.indexOf(own);
        if (place >= 0) waiting.splice(place, 1);
        if (running.delete(own)) next();
      };
    },
  };
}
