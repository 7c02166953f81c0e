import { isUnavailable } from '../core/errors';
import type { Logger } from '../core/ports/logger';
import { stale, type ViewSource } from '../core/ports/source';
import type { RevocationLog } from '../core/ports/truth';
import type { LoggedRevocation } from '../core/revocation';
import { every } from '../core/loop';
import { loadLiveLog } from './load';
import type { View } from './view';

export interface EmbeddedSourceOptions {
  readonly log: Pick<RevocationLog, 'eachLive'>;
  readonly view: View;
  readonly take: (entry: LoggedRevocation) => void;
  readonly logger: Logger;
  /** s; the longest life of an access token */
  readonly tokenTtl: number;
}

/**
 * ms between two loads of the log. A revocation enters the view with the call that makes it. A load finds one whose commit
 * seemed to fail and did not.
 */
const INTERVAL = 30_000;

/** Keeps the view of the only process there is, which makes every revocation itself. Resolves when the log is loaded. */
export async function createEmbeddedSource(options: EmbeddedSourceOptions): Promise<ViewSource> {
  const { log, view, take, logger, tokenTtl } = options;
  let isCurrent = false;

  const load = async () => {
    try {
      isCurrent = await loadLiveLog({ log, view, take });
      if (isCurrent) return;
      view.clear();
      logger.warn(
        {},
        'There are more live revocations than REVOCATION_VIEW_LIMIT allows. Tokens are checked in the database until there are fewer.',
      );
    } catch (error) {
      if (!isUnavailable(error)) logger.error({ err: error }, 'The live revocations could not be loaded.');
    }
  };
  await load();
  const stopLoading = every(INTERVAL, load);

  return {
    step: 'view',
    find({ token }) {
      const { exp, iat } = token.claims;
      const found = view.lookUp(token);
      return isCurrent && !view.isOverfull && exp - iat <= tokenTtl ? found : stale(found);
    },
    readableEpoch: undefined,
    get state() {
      return { isCurrent: isCurrent && !view.isOverfull, size: view.size, lag: 0, reachesRedis: undefined };
    },
    async stop() {
      isCurrent = false;
      await stopLoading();
    },
  };
}
