import type { Clock } from './clock.js';
import type { Page } from './platform.js';
import type { SessionUser, State } from './state.js';

interface ScheduleOptions<User extends SessionUser> {
  readonly state: State<User>;
  readonly clock: Clock;
  readonly page: Page | undefined;
  /** Returns ms that this tab waits longer than it would alone. */
  readonly extra: () => number;
  readonly renew: () => void;
}

/** When to renew: before the token expires, and again after a fault. */
export interface Schedule {
  /** Plans the next renewal. */
  readonly plan: () => void;
  /** Renews if it is time: timers are late after sleep. */
  readonly check: () => void;
  readonly stop: () => void;
}

/** What happens when a page has slept, or when the network is back. */
const WAKING = ['online', 'focus', 'visibilitychange', 'pageshow'];

/** ms between attempts: the least and the most, before jitter */
const BACKOFF = { least: 1_000, most: 30_000 };

/** The longest that a timer runs: ms in a day. */
const DAY = 86_400_000;

export function createSchedule<User extends SessionUser>(options: ScheduleOptions<User>): Schedule {
  const { state, clock, page, extra, renew } = options;
  /** Failed attempts in a row. */
  let failures = 0;
  let timer: unknown;

  /** Returns ms until the token is due. Timers of a tab in the background may be a minute late. */
  function untilDue(): number {
    const held = state.held();
    return held ? state.left() - Math.min(held.lifetime / 5, 120_000) : Infinity;
  }
  /** Returns ms until the next attempt. The jitter keeps clients apart that all lost the server at once. */
  function backoff(retryAfter = 0): number {
    const wait = Math.min(BACKOFF.most, BACKOFF.least * 2 ** (failures - 1));
    return Math.max(wait * (0.5 + Math.random() / 2), retryAfter * 1000);
  }
  const faultOf = () => (state.snapshot() as { fault?: { retryAfter: number | undefined } }).fault;
  function plan(): void {
    const delay = failures ? backoff(faultOf()?.retryAfter) : untilDue();
    clock.clearTimeout(timer);
    if (delay < Infinity) timer = clock.setTimeout(renew, Math.max(0, Math.min(DAY, delay)) + extra());
  }
  function check(): void {
    if (!failures && untilDue() <= 0) renew();
  }
  function wake(): void {
    if (failures) renew();
    else check();
  }

  const unsubscribe = state.subscribe(() => {
    failures = faultOf() ? failures + 1 : 0;
    plan();
  });
  for (const type of WAKING) page?.addEventListener(type, wake);
  return {
    plan,
    check,
    stop() {
      unsubscribe();
      clock.clearTimeout(timer);
      for (const type of WAKING) page?.removeEventListener(type, wake);
    },
  };
}
