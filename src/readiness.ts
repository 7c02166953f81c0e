import type { Reachable } from './core/ports/records';
import type { Readiness } from './http/health';
import type { Trust } from './revocation/trust';

export interface ReadinessSources {
  readonly postgres: Reachable;
  readonly copies?: { readonly records: Reachable; readonly trust: Trust };
  readonly hasPendingMigrations: () => Promise<boolean>;
}

const answers = (ask: Promise<unknown>) =>
  ask.then(
    () => true,
    () => false,
  );

/** Whether good tokens can be told from bad ones now, by asking the stores. */
export async function judgeReadiness(sources: ReadinessSources): Promise<Readiness> {
  const { copies } = sources;
  const [postgres, redis, pending] = await Promise.all([
    answers(sources.postgres.ping()),
    copies && answers(copies.records.ping()),
    sources.hasPendingMigrations().catch(() => false),
  ]);
  const degraded = [...(postgres ? [] : ['postgres']), ...(redis === false ? ['redis'] : [])];
  const copiesDecide = redis === true && copies?.trust.holds === true;
  const reasons = [
    ...(!postgres && !copiesDecide ? ['no store can tell whether a token was revoked'] : []),
    ...(pending ? ['migrations are pending'] : []),
  ];
  return { ready: reasons.length === 0, degraded, reasons };
}
