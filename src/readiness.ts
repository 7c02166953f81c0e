import type { Reachable } from './core/ports/records';
import type { Readiness } from './http/health';

export interface ReadinessSources {
  readonly postgres: Reachable;
  readonly redis?: Reachable;
  readonly hasPendingMigrations: () => Promise<boolean>;
}

const answers = (ask: Promise<unknown>) =>
  ask.then(
    () => true,
    () => false,
  );

/** Whether good tokens can be told from bad ones now, by asking the stores. */
export async function judgeReadiness(sources: ReadinessSources): Promise<Readiness> {
  const [postgres, redis, pending] = await Promise.all([
    answers(sources.postgres.ping()),
    sources.redis && answers(sources.redis.ping()),
    sources.hasPendingMigrations().catch(() => false),
  ]);
  const degraded = [...(postgres ? [] : ['postgres']), ...(redis === false ? ['redis'] : [])];
  const reasons = [
    ...(!postgres && redis !== true ? ['no store can be reached'] : []),
    ...(pending ? ['migrations are pending'] : []),
  ];
  return { ready: reasons.length === 0, degraded, reasons };
}
