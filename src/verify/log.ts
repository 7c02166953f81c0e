import { clipped, safe } from '../core/bounded-value';
import { createLineLimit } from '../core/line-limit';
import type { Logger } from '../core/ports/logger';

/** The numbers of the levels, as the log of a node has them. */
const LEVELS = { trace: 10, debug: 20, info: 30, warn: 40, error: 50, fatal: 60, silent: Infinity } as const;

export type Level = keyof typeof LEVELS;
export const LEVEL_NAMES = Object.keys(LEVELS) as Level[];

/**
 * Creates the log of the process: one JSON object a line, in the form of a node's log, with the same limits.
 *
 * @param write takes a line
 */
export function createLog(level: Level, write: (line: string) => void): Logger {
  const admit = createLineLimit(() => performance.now());
  const log = (number: number) => (details: object, message: string) => {
    if (number < LEVELS[level]) return;
    const { write: isAdmitted, leftOut } =
      number < LEVELS.warn ? { write: true, leftOut: 0 } : admit(message);
    if (!isAdmitted) return;
    const more = leftOut > 0 ? { leftOut } : {};
    const line = { level: number, time: new Date().toISOString(), ...safe(details), ...more };
    write(`${JSON.stringify({ ...line, msg: clipped(message) })}\n`);
  };
  return {
    debug: log(LEVELS.debug),
    info: log(LEVELS.info),
    warn: log(LEVELS.warn),
    error: log(LEVELS.error),
  };
}
