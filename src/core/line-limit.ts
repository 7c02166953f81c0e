/** Lines with the same message in a second, from `warn` up. A failing store would write one for each request. */
const MOST_ALIKE = 20;

/** Different messages that are counted separately; the rest share one limit. */
const MOST_MESSAGES = 200;

/** ms */
const SECOND = 1000;

/** Decides whether a line is written, and counts the lines of its kind that were left out before it. */
export function createLineLimit(now: () => number) {
  let beganAt = now();
  let written = new Map<string, number>();
  const leftOut = new Map<string, number>();

  return (message: string): { readonly write: boolean; readonly leftOut: number } => {
    if (now() - beganAt >= SECOND) {
      beganAt = now();
      written = new Map();
    }
    const kind = written.has(message) || written.size < MOST_MESSAGES ? message : 'others';
    const count = (written.get(kind) ?? 0) + 1;
    written.set(kind, count);
    if (count <= MOST_ALIKE) {
      const before = leftOut.get(kind) ?? 0;
      leftOut.delete(kind);
      return { write: true, leftOut: before };
    }
    if (leftOut.has(kind) || leftOut.size < MOST_MESSAGES) leftOut.set(kind, (leftOut.get(kind) ?? 0) + 1);
    return { write: false, leftOut: 0 };
  };
}
