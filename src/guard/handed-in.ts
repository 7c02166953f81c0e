import type { Clock } from '../core/clock';
import { serviceUnavailable } from '../core/errors';
import type { Logger } from '../core/ports/logger';
import type { Metrics } from '../core/ports/metrics';

/** Runs a function that the service passed in. Its errors are ignored: they must not fail a check. */
function runHandedIn(work: () => unknown): void {
  try {
    const result = work();
    if (result instanceof Promise) result.catch(() => undefined);
  } catch {
    // Not logged: the logger itself may have failed.
  }
}

/** Wraps the service's logger, if there is one, so that its errors do not reach the guard. */
export function harmlessLogger(logger: Logger | undefined): Logger {
  return {
    debug: (details, message) => runHandedIn(() => logger?.debug(details, message)),
    info: (details, message) => runHandedIn(() => logger?.info(details, message)),
    warn: (details, message) => runHandedIn(() => logger?.warn(details, message)),
    error: (details, message) => runHandedIn(() => logger?.error(details, message)),
  };
}

/** Wraps the service's metrics, so that their errors do not reach the guard. */
export function harmlessMetrics(metrics: Pick<Metrics, 'checked'>): Pick<Metrics, 'checked'> {
  return { checked: (step, answer) => runHandedIn(() => metrics.checked(step, answer)) };
}

/**
 * Wraps the service's clock. If it throws or returns no number, checks end with `SERVICE_UNAVAILABLE`. It does not
 * fall back to the system clock: times of two clocks must not be mixed.
 */
export function checkedClock(clock: Clock): Clock {
  const read = (ask: () => number): number => {
    let time: number;
    try {
      time = ask();
    } catch (error) {
      throw serviceUnavailable(error);
    }
    if (!Number.isFinite(time))
      throw serviceUnavailable(new Error("the guard's clock did not return a finite number"));
    return time;
  };
  return { now: () => read(() => clock.now()), monotonic: () => read(() => clock.monotonic()) };
}
