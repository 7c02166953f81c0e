import type { Clock } from '../core/clock';
import type { EpochState, LogStream } from '../core/ports/log-stream';

/** The epoch, as far as this process knows it. */
export interface KnownEpoch {
  /** Answers the known epoch, or asks Redis. Throws `SERVICE_UNAVAILABLE`. */
  get(): Promise<EpochState>;
  /** Whether this process has known the epoch for at least `ms`. Any epoch before it ended even earlier. */
  isKnownFor(epochId: string, ms: number): boolean;
  /** Forgets an epoch that has ended: the next `get` asks Redis. */
  ended(epochId: string): void;
}

export function createKnownEpoch(stream: Pick<LogStream, 'hello'>, clock: Clock): KnownEpoch {
  let known: { state: EpochState; learnedAt: number } | undefined;
  let asking: Promise<EpochState> | undefined;

  const ask = async () => {
    const state = await stream.hello();
    // By the monotonic clock only: a wall clock that is set forward must not cut a wait short.
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
