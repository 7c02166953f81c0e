import { setTimeout as sleep } from 'node:timers/promises';
import { isUnavailable } from '../core/errors';
import { createLoop } from '../core/loop';
import type { LogReader } from '../core/ports/log-stream';
import type { Logger } from '../core/ports/logger';
import type { LoggedRevocation } from '../core/revocation';

/** ms after a failed read until the next. */
const RETRY_DELAY = 50;

export interface StreamReadingOptions {
  readonly reader: LogReader;
  readonly logger: Logger;
  readonly apply: (entry: LoggedRevocation) => unknown;
  /** The number of revocations that have been published, as far as is known. */
  readonly tail: () => number;
  /** Called after each read that brought something, with the entries that were applied. */
  readonly onProgress: (entries: readonly LoggedRevocation[]) => void;
  /** Called at a gap: an entry is missing, or another epoch has begun. */
  readonly onGap: (epochId: string) => void;
}

/** Where to read the stream from. */
export interface StreamPlace {
  readonly epochId: string;
  readonly cursor: string;
  /** The number of revocations published up to here; `undefined` at the beginning, since a part may have been trimmed. */
  readonly position: number | undefined;
}

/** Follows the stream of one epoch, in order and without a gap, then that of the next. */
export interface StreamReading {
  /** The number of revocations of the epoch that have been applied, those before the place it began at included. */
  positionIn(epochId: string): number;
  /** Follows from this place on. Late answers of an earlier read are ignored. */
  follow(from: StreamPlace): void;
  stop(): void;
}

export function createStreamReading(options: StreamReadingOptions): StreamReading {
  const { reader, logger, apply, tail, onProgress, onGap } = options;
  let at: StreamPlace | undefined;
  let stopped = false;
  let hasWarnedOfJunk = false;

  const warnOfJunk = (cursor: string) => {
    if (hasWarnedOfJunk) return;
    hasWarnedOfJunk = true;
    logger.error(
      { cursor },
      'The revocation stream in Redis holds a line that no node can have written. The line is skipped. Check who may write to Redis.',
    );
  };

  /** Reads once from its place. If `follow` is called meanwhile, the new place counts. */
  const readFrom = async (from: StreamPlace) => {
    const isBehind = (from.position ?? 0) < tail();
    const entries = await reader.readFrom(from.cursor);
    // Nothing came although entries are missing: after a failover, this connection may still lead to the old server.
    if (entries.length === 0 && isBehind && at === from) reader.reconnect();
    let reached = from;
    const applied: LoggedRevocation[] = [];
    for (const { cursor, epochId, position, revocation } of entries) {
      if (stopped || at !== from) return;
      if (!revocation) {
        // Skipped and not counted: if it replaces a real entry, the next position shows the gap.
        reached = { ...reached, cursor };
        warnOfJunk(cursor);
        continue;
      }
      // The position shows entries that were trimmed or deleted before they were read, or written after a loss of data.
      const expected = reached.position === undefined ? position : reached.position + 1;
      if (epochId !== from.epochId || position !== expected) {
        at = undefined;
        onGap(from.epochId);
        return;
      }
      apply(revocation);
      applied.push(revocation);
      reached = { epochId, cursor, position };
    }
    if (at !== from || reached === from) return;
    at = reached;
    onProgress(applied);
  };

  const loop = createLoop(async () => {
    while (!stopped && at) {
      try {
        await readFrom(at);
      } catch (error) {
        if (!isUnavailable(error)) logger.error({ err: error }, 'The revocation stream could not be read.');
        await sleep(RETRY_DELAY, undefined, { ref: false });
      }
    }
  });

  return {
    positionIn: (epochId) => (at?.epochId === epochId ? (at.position ?? -1) : -1),
    follow(from) {
      at = from;
      loop.wake();
    },
    stop() {
      stopped = true;
    },
  };
}
