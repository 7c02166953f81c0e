import { setTimeout as sleep } from 'node:timers/promises';
import { isUnavailable } from '../core/errors';
import type { LogReader } from '../core/ports/log-stream';
import type { Logger } from '../core/ports/logger';
import type { LoggedRevocation } from '../core/revocation';

/** ms after a failed reading until the next. */
const RETRY_DELAY = 50;

export interface FollowerOptions {
  readonly reader: LogReader;
  readonly logger: Logger;
  readonly apply: (entry: LoggedRevocation) => void;
  /** How many revocations have been published, as far as is known. */
  readonly tail: () => number;
  /** Told after each reading that brought something. */
  readonly onProgress: () => void;
  /** What was read does not continue what was read before: something is missing, or another epoch has begun. */
  readonly onGap: (epochId: string) => void;
}

/** Where the stream is read from. */
export interface FollowFrom {
  readonly epochId: string;
  readonly cursor: string;
  /** How many had been published there; `undefined` at the beginning, of which a part may have been trimmed. */
  readonly position: number | undefined;
}

/** Reads the stream of one epoch, in order and without a gap, and then that of the next. */
export interface Follower {
  /** How many revocations of that epoch have been applied, beginning with those before it was followed. */
  positionIn(epochId: string): number;
  /** Follows from there on. What comes late of an earlier reading is thrown away. */
  aim(from: FollowFrom): void;
  stop(): void;
}

export function createFollower(options: FollowerOptions): Follower {
  const { reader, logger, apply, tail, onProgress, onGap } = options;
  let at: FollowFrom | undefined;
  let stopped = false;
  let running: Promise<void> | undefined;
  let hasToldOfJunk = false;

  const tellOfJunk = (cursor: string) => {
    if (hasToldOfJunk) return;
    hasToldOfJunk = true;
    logger.error(
      { cursor },
      'The stream of revocations in Redis has a line that no node can have written. It is passed over. Look at who may write there.',
    );
  };

  /** Reads once from where it stands; an aim that changes meanwhile wins. */
  const readFrom = async (from: FollowFrom) => {
    const isBehind = (from.position ?? 0) < tail();
    const entries = await reader.readFrom(from.cursor);
    // Nothing came, though there was something: after a failover, this connection may lead to the server of before.
    if (entries.length === 0 && isBehind && at === from) reader.reconnect();
    let reached = from;
    for (const { cursor, epochId, position, revocation } of entries) {
      if (stopped || at !== from) return;
      if (!revocation) {
        // Passed over, and not counted: should it stand for an entry of ours, the next position tells that one is missing.
        reached = { ...reached, cursor };
        tellOfJunk(cursor);
        continue;
      }
      // Trimmed or deleted before it was read, or written after all had been lost: the positions tell.
      const expected = reached.position === undefined ? position : reached.position + 1;
      if (epochId !== from.epochId || position !== expected) {
        at = undefined;
        onGap(from.epochId);
        return;
      }
      apply(revocation);
      reached = { epochId, cursor, position };
    }
    if (at !== from || reached === from) return;
    at = reached;
    onProgress();
  };

  const run = async () => {
    while (!stopped && at) {
      try {
        await readFrom(at);
      } catch (error) {
        if (!isUnavailable(error))
          logger.error({ err: error }, 'The stream of revocations could not be read.');
        await sleep(RETRY_DELAY, undefined, { ref: false });
      }
    }
    running = undefined;
  };

  return {
    positionIn: (epochId) => (at?.epochId === epochId ? (at.position ?? -1) : -1),
    aim(from) {
      at = from;
      running ??= run();
    },
    stop() {
      stopped = true;
    },
  };
}
