import { isUnavailable } from '../core/errors';
import type { Logger } from '../core/ports/logger';
import { stale, type ViewSource } from '../core/ports/source';
import type { RevocationLog } from '../core/ports/truth';
import type { LoggedRevocation } from '../core/revocation';
import { every } from '../core/loop';
import type { EmbeddedFollowing } from './embedded-following';
import { loadLiveLog } from './load';
import type { View } from './view';

export interface EmbeddedSourceOptions {
  readonly log: Pick<RevocationLog, 'eachLive'>;
  readonly view: View;
  readonly take: (entry: LoggedRevocation) => unknown;
  readonly logger: Logger;
  /** s; the longest life of an access token */
  readonly tokenTtl: number;
  /** Told when services may follow this process. */
  readonly following?: Pick<EmbeddedFollowing, 'loaded' | 'left'>;
}

/**
 * ms between two loads of the log. A revocation enters the view with the call that makes it. A load finds one whose commit
 * seemed to fail and did not.
 */
const INTERVAL = 30_000;

/** Keeps the view of the only process there is, which makes every revocation itself. Resolves when the log is loaded. */
export async function createEmbeddedSource(options: EmbeddedSourceOptions): Promise<ViewSource> {
  const { log, view, take, logger, tokenTtl, following } = options;
  let isCurrent = false;
  const mayAnswer = () => isCurrent && !view.isOverfull;

  const load = async () => {
    try {
      isCurrent = await loadLiveLog({ log, view, take });
      if (isCurrent) {
        following?.loaded(mayAnswer);
        return;
      }
      // Not waited for: the next load is due whether or not a follower answers.
      void following?.left();
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
      return mayAnswer() && exp - iat <= tokenTtl ? found : stale(found);
    },
    readableEpoch: undefined,
    get state() {
      return { isCurrent: mayAnswer(), size: view.size, lag: 0, reachesRedis: undefined };
    },
    async stop() {
      isCurrent = false;
      await stopLoading();
      await following?.left();
    },
  };
}
