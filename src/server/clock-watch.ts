import { type Clock, momentOf } from '../core/clock';
import { isUnavailable } from '../core/errors';
import type { Logger } from '../core/ports/logger';

/**
 * Measures another clock, once.
 *
 * @param readTime reads it, ms since the epoch
 * @returns the ms by which this process is ahead, negative if it is behind; and how wrong that may be
 */
export async function measureOffset(
  readTime: () => Promise<number>,
  clock: Clock,
): Promise<{ offset: number; uncertainty: number }> {
  const before = momentOf(clock);
  const theirs = await readTime();
  // The other clock was read at some moment in between.
  const uncertainty = (clock.monotonic() - before.monotonic) / 2;
  return { offset: before.wall + uncertainty - theirs, uncertainty };
}

/** ms; `iat` has whole seconds, so a smaller difference has no effect. */
const LEAST_TOLERANCE = 1000;

export interface ClockWatchOptions {
  /** Reads the clock of Postgres, in ms since the epoch. */
  readonly readTime: () => Promise<number>;
  readonly clock: Clock;
  /** ms; the largest difference that is allowed. */
  readonly clockSkew: number;
  readonly logger: Logger;
}

/**
 * Compares the clock of this process with the clock of Postgres. The guarantee does not depend on them (see
 * docs/protocol.md). But other nodes refuse a token whose `iat` is in their future, so the operator of a node whose clock
 * is ahead has to know.
 */
export class ClockWatch {
  /** ms by which this process is ahead of Postgres; negative if behind, `undefined` before the first measurement. */
  offset: number | undefined;
  /** Whether the clocks differ by more than is allowed. */
  isOff = false;
  /** Why Postgres could not tell its time, as last logged. */
  private said = '';

  constructor(private readonly options: ClockWatchOptions) {}

  /** Measures once and logs a change. Never rejects. */
  async look(): Promise<void> {
    const { logger } = this.options;
    try {
      await this.measure();
      this.said = '';
    } catch (error) {
      // An unreachable Postgres is logged elsewhere.
      const reason = isUnavailable(error) && error.cause instanceof Error ? error.cause.message : '';
      if (!isUnavailable(error))
        logger.error({ err: error }, 'Unexpected error in reading the clock of Postgres.');
      else if (reason !== this.said && reason.startsWith('DATABASE_URL'))
        logger.error(
          { reason },
          'This node cannot confirm revocations. If this is the right database, restart the node.',
        );
      this.said = reason;
    }
  }

  private async measure(): Promise<void> {
    const { readTime, clock, clockSkew, logger } = this.options;
    const tolerance = Math.max(clockSkew, LEAST_TOLERANCE);
    const { offset, uncertainty } = await measureOffset(readTime, clock);
    const wasOff = this.isOff;
    this.offset = offset;
    this.isOff = Math.abs(offset) - uncertainty > tolerance;
    if (this.isOff === wasOff) return;
    const details = { offset: Math.round(offset), tolerance };
    if (this.isOff)
      logger.error(
        details,
        `The clock of this process is ${offset > 0 ? 'ahead of' : 'behind'} the clock of Postgres by more than CLOCK_SKEW. Valid tokens are refused until the clocks agree. Synchronize both with NTP.`,
      );
    else logger.info(details, 'The clock of this process agrees with the clock of Postgres again.');
  }
}
