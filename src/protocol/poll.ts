import { background } from '../core/background';
import type { Clock } from '../core/clock';
import type { Logger } from '../core/ports/logger';
import type { RevocationLog } from '../core/ports/truth';
import type { LoggedRevocation } from '../core/revocation';
import { every } from '../core/loop';

/** ms between two looks. */
const INTERVAL = 500;

/** ms that a transaction may take to commit after it read the clock: a revocation that much older may appear only now. */
export const OVERLAP = 30_000;

export interface PollOptions {
  readonly log: Pick<RevocationLog, 'since'>;
  /** Takes a revocation into the view. It may be given the same one several times. */
  readonly take: (entry: LoggedRevocation) => void;
  /** Whether the stream is not followed now. */
  readonly isNeeded: () => boolean;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Reads recent revocations from Postgres while the stream is not followed, since sockets must be closed even then. Answers
 * the function that stops it.
 */
export function startPoll({ log, take, isNeeded, clock, logger }: PollOptions): () => Promise<void> {
  let lastRead = clock.monotonic();
  const look = async () => {
    if (!isNeeded()) return;
    const now = clock.monotonic();
    for (const entry of await log.since(now - lastRead + OVERLAP)) take(entry);
    lastRead = now;
  };
  return every(INTERVAL, background(logger, 'The revocation log could not be read.', look));
}
