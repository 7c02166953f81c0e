import { background } from '../core/background';
import type { LogStream } from '../core/ports/log-stream';
import type { Logger } from '../core/ports/logger';
import type { RevocationLog } from '../core/ports/truth';
import type { LoggedRevocation } from '../core/revocation';

/** ms until the next attempt, if another node was filling the stream or it could not be filled. */
const PAUSE = 5000;

/** Revocations appended by one script. */
const CHUNK = 500;

export interface HealOptions {
  readonly stream: Pick<LogStream, 'heal'>;
  readonly log: Pick<RevocationLog, 'eachLive'>;
  readonly node: string;
  readonly logger: Logger;
}

/**
 * Fills the stream of a new epoch with the live log, for processes without Postgres. Call it with the id of an epoch
 * that this process knows: a revocation made while the log is read is then published into that epoch, or a later one.
 */
export function createHeal({ stream, log, node, logger }: HealOptions): (epochId: string) => void {
  let healing = false;

  const append = async (epochId: string, entries: LoggedRevocation[], isLast: boolean, asOf: number) =>
    (await stream.heal(epochId, node, entries, isLast, asOf)) === 'OK';

  const fill = async (epochId: string) => {
    // An empty part first, so that only one node reads the log for it.
    if (!(await append(epochId, [], false, 0))) return;
    let readAt = 0;
    const isComplete = await log.eachLive(async (entries, asOf) => {
      readAt = asOf;
      for (let i = 0; i < entries.length; i += CHUNK)
        if (!(await append(epochId, entries.slice(i, i + CHUNK), false, asOf))) return false;
      return true;
    });
    if (isComplete) await append(epochId, [], true, readAt);
  };

  return (epochId) => {
    if (healing) return;
    healing = true;
    const inBackground = background(logger, 'The revocation stream could not be filled.', () =>
      fill(epochId),
    );
    void inBackground().then(() => setTimeout(() => (healing = false), PAUSE).unref());
  };
}
