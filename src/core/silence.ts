/**
 * Calls `late` after `ms`, when everything that has arrived by then was read. A timer alone is too early after a pause of
 * this process: timers come before the answers that wait to be read.
 *
 * @returns what stops it
 */
export function afterSilence(ms: number, late: () => void): () => void {
  let immediate: NodeJS.Immediate | undefined;
  const timer = setTimeout(() => (immediate = setImmediate(late)), ms);
  return () => {
    clearTimeout(timer);
    clearImmediate(immediate);
  };
}
