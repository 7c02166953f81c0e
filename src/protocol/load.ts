import type { RevocationLog } from '../core/ports/truth';
import type { LoggedRevocation } from '../core/revocation';
import type { View } from './view';

export interface LoadOptions {
  readonly log: Pick<RevocationLog, 'eachLive'>;
  readonly view: View;
  /** Takes a revocation into the view. */
  readonly take: (entry: LoggedRevocation) => unknown;
  /** Asked after each part: whether to read on. */
  readonly isWanted?: () => boolean;
}

/**
 * Takes the live log into the view, until the view is overfull. Answers whether everything is there. Rejects with
 * `SERVICE_UNAVAILABLE`.
 */
export async function loadLiveLog({ log, view, take, isWanted = () => true }: LoadOptions): Promise<boolean> {
  const isWhole = await log.eachLive((entries, asOf) => {
    view.noteAsOf(asOf);
    for (const entry of entries) take(entry);
    return Promise.resolve(isWanted() && !view.isOverfull);
  });
  return isWhole && !view.isOverfull;
}
