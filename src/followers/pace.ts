import type { Clock } from '../core/clock';
import type { FollowerLimits } from './limits';

/** The most messages that a follower saves up by reading. */
const MOST_EARNED = 10_000;

/** How many messages a follower may send: so many a second, and one for each that it was sent, which it acknowledges. */
export interface Pace {
  /** The follower was sent a message. */
  earn(): void;
  /** The follower sent one. Answers whether that was within the pace. */
  spend(): boolean;
}

export function createPace(
  { burst, messagesPerSecond }: Pick<FollowerLimits, 'burst' | 'messagesPerSecond'>,
  clock: Pick<Clock, 'monotonic'>,
): Pace {
  let earned = 0;
  let left = burst;
  let countedAt = clock.monotonic();

  return {
    earn() {
      earned = Math.min(MOST_EARNED, earned + 1);
    },
    spend() {
      const now = clock.monotonic();
      left = Math.min(burst, left + ((now - countedAt) / 1000) * messagesPerSecond);
      countedAt = now;
      if (left >= 1) left -= 1;
      else if (earned >= 1) earned -= 1;
      else return false;
      return true;
    },
  };
}
