import { type Clock, elapsedSince, type Moment, momentOf, systemClock } from '../core/clock';

/** Knows whether work that was planned comes late, because this process or its machine was suspended. */
export interface Punctuality {
  /** The work begins again in `delay` ms. */
  planned(delay: number): void;
  /** The work begins. */
  begun(): void;
  /** Whether the work is overdue, or came late and is still under way. */
  readonly isLate: boolean;
}

/** @param longest answers how many ms after its time the work is not late yet */
export function watchPunctuality(longest: () => number, clock: Clock = systemClock): Punctuality {
  let plan: { readonly at: Moment; readonly delay: number } | undefined;
  let cameLate = false;
  const isOverdue = () => plan !== undefined && elapsedSince(plan.at, clock) - plan.delay > longest();
  return {
    planned(delay) {
      plan = { at: momentOf(clock), delay };
      cameLate = false;
    },
    begun() {
      cameLate = isOverdue();
      plan = undefined;
    },
    get isLate() {
      return cameLate || isOverdue();
    },
  };
}
