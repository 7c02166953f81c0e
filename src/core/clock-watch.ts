import { type Clock, momentOf } from './clock';
import { isUnavailable } from './errors';
import type { Logger } from './ports/logger';

export interface ClockWatchOptions {
  /** The time in ms since the epoch, by the clock of Postgres. */
  readonly readTime: () => Promise<number>;
  readonly clock: Clock;
  /** ms that the clocks may differ by */
  readonly clockSkew: number;
  readonly logger: Logger;
}

/** Compares the clock of this process with the clock of Postgres. */
export interface ClockWatch {
  /** ms by which ours is ahead, negative when it is behind; `undefined` until it was measured. */
  readonly offset: number | undefined;
  /** Whether they differ by more than they may. */
  readonly isOff: boolean;
  /** Measures once, and says in the log when it finds a change. Never rejects. */
  look(): Promise<void>;
}

/** ms; the time that a token was issued at is cut to seconds, so a smaller difference cannot be seen. */
const LEAST_TOLERANCE = 1000;

/**
 * The promise does not rest on clocks that agree: see docs/protocol.md. But other nodes refuse a token whose `iat` lies in
 * their future, so a node whose clock is ahead is of little use, and its operator has to know.
 */
export function createClockWatch({ readTime, clock, clockSkew, logger }: ClockWatchOptions): ClockWatch {
  const tolerance = Math.max(clockSkew, LEAST_TOLERANCE);
  let offset: number | undefined;
  let isOff = false;
  let said = '';

  const measure = async () => {
    const before = momentOf(clock);
    const theirs = await readTime();
    const took = clock.monotonic() - before.monotonic;
    // Theirs was read at some moment in between, so half of the time that it took may be a mistake.
    offset = before.wall + took / 2 - theirs;
    const wasOff = isOff;
    isOff = Math.abs(offset) - took / 2 > tolerance;
    if (isOff === wasOff) return;
    const details = { offset: Math.round(offset), tolerance };
    if (isOff)
      logger.error(
        details,
        `The clock of this process is ${offset > 0 ? 'ahead of' : 'behind'} the clock of Postgres by more than CLOCK_SKEW. Good tokens are refused until one of them is set right.`,
      );
    else logger.info(details, 'The clock of this process agrees with the clock of Postgres again.');
  };

  return {
    get offset() {
      return offset;
    },
    get isOff() {
      return isOff;
    },
    async look() {
      try {
        await measure();
        said = '';
      } catch (error) {
        // That Postgres is away is said elsewhere.
        const reason = isUnavailable(error) && error.cause instanceof Error ? error.cause.message : '';
        if (!isUnavailable(error)) logger.error({ err: error }, 'The clock of Postgres could not be read.');
        else if (reason !== said && reason.startsWith('DATABASE_URL'))
          logger.error(
            { reason },
            'This node can confirm nothing. Restart it, if this is the right database.',
          );
        said = reason;
      }
    },
  };
}
