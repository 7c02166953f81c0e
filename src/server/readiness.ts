import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../core/clock';
import type { ViewSource } from '../core/ports/source';
import type { Truth } from '../core/ports/truth';
import { sharedAnswer } from '../core/shared-answer';
import type { Readiness } from '../http/health';
import type { ClockWatch } from './clock-watch';

export interface ReadinessSources {
  readonly postgres: Pick<Truth, 'ping'>;
  readonly source: Pick<ViewSource, 'state' | 'readableEpoch'>;
  readonly hasPendingMigrations: () => Promise<boolean>;
  readonly clockWatch: Pick<ClockWatch, 'isOff'>;
  readonly clock: Pick<Clock, 'monotonic'>;
}

/** ms for which callers share one answer of Postgres, and ms after which Postgres counts as unreachable. */
const MAX_AGE = 500;
const PATIENCE = 2000;

/** Resolves to the store's answer, or to `otherwise` if it fails or is late. */
const inTime = <T>(ask: Promise<T>, otherwise: T): Promise<T> =>
  Promise.race([ask.catch(() => otherwise), sleep(PATIENCE, otherwise, { ref: false })]);

/**
 * Tells whether this node can check tokens now. Anybody may ask as often as they like: Postgres is asked at most twice
 * a second.
 */
export function createReadiness(sources: ReadinessSources): () => Promise<Readiness> {
  const { source, postgres, hasPendingMigrations, clockWatch, clock } = sources;
  const askPostgres = sharedAnswer(MAX_AGE, clock, async () => {
    const [isThere, pending] = await Promise.all([
      inTime(
        postgres.ping().then(() => true),
        false,
      ),
      inTime(hasPendingMigrations(), false),
    ]);
    return { isThere, pending };
  });

  return async () => {
    const { isThere, pending } = await askPostgres();
    const { isCurrent, reachesRedis } = source.state;
    const degraded = [
      ...(isThere ? [] : ['postgres']),
      ...(reachesRedis === false ? ['redis'] : []),
      ...(clockWatch.isOff ? ['clock'] : []),
    ];
    const canTell = isThere || isCurrent || source.readableEpoch !== undefined;
    const reasons = [
      ...(canTell ? [] : ['no store can tell whether a token was revoked']),
      ...(pending ? ['migrations are pending'] : []),
    ];
    return { ready: reasons.length === 0, degraded, view: isCurrent ? 'current' : 'not current', reasons };
  };
}
