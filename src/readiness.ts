import type { ClockWatch } from './core/clock-watch';
import type { Reachable } from './core/ports/reachable';
import type { Readiness } from './http/health';
import type { Feed } from './revocation/feed';

export interface ReadinessSources {
  readonly postgres: Reachable;
  readonly feed: Pick<Feed, 'state' | 'readableEpoch'>;
  readonly hasPendingMigrations: () => Promise<boolean>;
  readonly clockWatch: Pick<ClockWatch, 'isOff'>;
}

const answers = (ask: Promise<unknown>) =>
  ask.then(
    () => true,
    () => false,
  );

/** Whether good tokens can be told from bad ones now, by asking the stores. */
export async function judgeReadiness(sources: ReadinessSources): Promise<Readiness> {
  const { feed } = sources;
  const [postgres, pending] = await Promise.all([
    answers(sources.postgres.ping()),
    sources.hasPendingMigrations().catch(() => false),
  ]);
  const { isCurrent, reachesRedis } = feed.state;
  const degraded = [
    ...(postgres ? [] : ['postgres']),
    ...(reachesRedis === false ? ['redis'] : []),
    ...(sources.clockWatch.isOff ? ['clock'] : []),
  ];
  const canTell = postgres || isCurrent || feed.readableEpoch !== undefined;
  const reasons = [
    ...(canTell ? [] : ['no store can tell whether a token was revoked']),
    ...(pending ? ['migrations are pending'] : []),
  ];
  return { ready: reasons.length === 0, degraded, view: isCurrent ? 'current' : 'not current', reasons };
}
