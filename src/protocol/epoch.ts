import type { Clock } from '../core/clock';
import type { EpochState, LogStream } from '../core/ports/log-stream';

/** Which epoch it is, as far as this process knows. */
export interface KnownEpoch {
  /** The one that is known, or asks. Throws `SERVICE_UNAVAILABLE`. */
  get(): Promise<EpochState>;
  /** Whether this process has known it for at least so many ms. Any epoch before it ended even earlier. */
  isKnownFor(epochId: string, ms: number): boolean;
  /** It is over: the next one to ask learns of another. */
  ended(epochId: string): void;
}

export function createKnownEpoch(stream: Pick<LogStream, 'hello'>, clock: Clock): KnownEpoch {
  let known: { state: EpochState; learnedAt: number } | undefined;
  let asking: Promise<EpochState> | undefined;

  const ask = async () => {
    const state = await stream.hello();
    // Waiting is counted on the monotonic clock alone: a wall clock that is set forward must not cut it short.
    known = { state, learnedAt: clock.monotonic() };
    return state;
  };

  return {
    async get() {
      if (known) return known.state;
      asking ??= ask().finally(() => (asking = undefined));
      return asking;
    },
    isKnownFor: (epochId, ms) => known?.state.id === epochId && clock.monotonic() - known.learnedAt >= ms,
    ended(epochId) {
      if (known?.state.id === epochId) known = undefined;
    },
  };
}
