import type { Clock } from '../core/clock';
import { serviceUnavailable } from '../core/errors';
import type { Logger } from '../core/ports/logger';
import type { Metrics } from '../core/ports/metrics';

/** Runs what a service handed in. That it throws, or rejects, is its own affair: no check may end by it. */
function runHandedIn(work: () => unknown): void {
  try {
    const result = work();
    if (result instanceof Promise) result.catch(() => undefined);
  } catch {
    // There is nobody to tell: the logger may be the very thing that failed.
  }
}

/** The service's logger, of which no fault reaches the guard. */
export function harmlessLogger(logger: Logger): Logger {
  return {
    debug: (details, message) => runHandedIn(() => logger.debug(details, message)),
    info: (details, message) => runHandedIn(() => logger.info(details, message)),
    warn: (details, message) => runHandedIn(() => logger.warn(details, message)),
    error: (details, message) => runHandedIn(() => logger.error(details, message)),
  };
}

/** The service's metrics, of which no fault reaches the guard. */
export function harmlessMetrics(metrics: Pick<Metrics, 'checked'>): Pick<Metrics, 'checked'> {
  return { checked: (step, answer) => runHandedIn(() => metrics.checked(step, answer)) };
}

/**
 * The service's clock. Where it throws, or tells no time, nothing can be told of a token: that is `SERVICE_UNAVAILABLE`, and
 * never a time of another clock, as two clocks must not be mixed.
 */
export function checkedClock(clock: Clock): Clock {
  const read = (ask: () => number): number => {
    let time: number;
    try {
      time = ask();
    } catch (error) {
      throw serviceUnavailable(error);
    }
    if (!Number.isFinite(time)) throw serviceUnavailable(new Error('the clock of the guard tells no time'));
    return time;
  };
  return { now: () => read(() => clock.now()), monotonic: () => read(() => clock.monotonic()) };
}
