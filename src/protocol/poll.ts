import type { Clock } from '../core/clock';
import { isUnavailable } from '../core/errors';
import type { Logger } from '../core/ports/logger';
import type { RevocationLog } from '../core/ports/truth';
import type { LoggedRevocation } from '../core/revocation';
import { every } from '../core/schedule';

/** ms between two looks. */
const INTERVAL = 500;

/** ms that a transaction may take from its clock to its commit: what is that much older may appear only now. */
export const OVERLAP = 30_000;

export interface PollOptions {
  readonly log: Pick<RevocationLog, 'since'>;
  /** Takes each in; those that it has met before make no difference. */
  readonly take: (entry: LoggedRevocation) => void;
  /** Whether nothing else tells of what is revoked. */
  readonly isNeeded: () => boolean;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Reads in Postgres what was revoked lately, while no stream tells of it: sockets are to be closed even then. Answers
 * the function that stops it.
 */
export function startPoll({ log, take, isNeeded, clock, logger }: PollOptions): () => Promise<void> {
  let lastRead = clock.monotonic();
  const look = async () => {
    if (!isNeeded()) return;
    const now = clock.monotonic();
    try {
      for (const entry of await log.since(now - lastRead + OVERLAP)) take(entry);
      lastRead = now;
    } catch (error) {
      if (!isUnavailable(error)) logger.error({ err: error }, 'The revocation log could not be read.');
    }
  };
  return every(INTERVAL, look);
}
