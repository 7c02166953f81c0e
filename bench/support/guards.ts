import { setTimeout as sleep } from 'node:timers/promises';
import { createGuard, type ServiceGuard } from '../../src/index';
import { answerOrders } from './helper';
import { SETTINGS } from './settings';

/** Services with a guard, all in one process. Each guard has its own view and its own connections. */
export interface GuardsOrder {
  readonly authUrl: string;
  readonly redisUrl: string;
  /** How many guards there are to be in this process. */
  readonly count: number;
}

export interface GuardsResult {
  /** How many views are current. */
  readonly current: number;
}

/** Guards that start together. */
const AT_ONCE = 10;

/** ms within which every view must have become current. */
const PATIENCE = 30_000;

const guards: ServiceGuard[] = [];
const countCurrent = () => guards.filter((guard) => guard.status().view === 'current').length;

/** Starts the guards that are missing, and waits for their views. */
async function run({ authUrl, redisUrl, count }: GuardsOrder): Promise<GuardsResult> {
  const start = () =>
    createGuard({
      issuer: SETTINGS.ISSUER,
      audience: 'api',
      jwks: `${authUrl}/.well-known/jwks.json`,
      redis: redisUrl,
    });
  while (guards.length < count) {
    const missing = Math.min(AT_ONCE, count - guards.length);
    guards.push(...(await Promise.all(Array.from({ length: missing }, start))));
  }
  const deadline = performance.now() + PATIENCE;
  while (countCurrent() < count && performance.now() < deadline) await sleep(20);
  return { current: countCurrent() };
}

answerOrders(run);
