import { setTimeout as sleep } from 'node:timers/promises';
import { createGuard, type ServiceGuard } from '../../src/index';
import { answerOrders } from './helper';
import { SETTINGS } from './settings';

/** Services with a guard, all in one process. Each guard has its own view and its own connections. */
export interface GuardsOrder {
  /** The nodes that the guards follow in turn, or have their keys from. */
  readonly nodes: readonly string[];
  /** If given, the guards follow the stream in Redis, not a node. */
  readonly redisUrl?: string;
  /** How many guards there are to be in this process. Those of the order before are closed. */
  readonly count: number;
}

export interface GuardsResult {
  /** How many views are current. */
  readonly current: number;
  /** How many names their views hold together. */
  readonly names: number;
  /** ms from the start of the last guard until every view was current. */
  readonly took: number;
}

/** Guards that start together. */
const AT_ONCE = 10;

/** ms within which every view must have become current. */
const PATIENCE = 60_000;

let guards: ServiceGuard[] = [];
const countCurrent = () => guards.filter((guard) => guard.status().view === 'current').length;

function start({ nodes, redisUrl }: GuardsOrder, index: number): Promise<ServiceGuard> {
  const common = { issuer: SETTINGS.ISSUER, audience: 'api' };
  const server = nodes[index % nodes.length] as string;
  return createGuard(
    redisUrl === undefined
      ? { ...common, server, secret: SETTINGS.INTROSPECTION_SECRET }
      : { ...common, jwks: `${server}/.well-known/jwks.json`, redis: redisUrl },
  );
}

/** Closes the guards of before, starts others, and waits for their views. */
async function run(order: GuardsOrder): Promise<GuardsResult> {
  await Promise.all(guards.map((guard) => guard.close()));
  guards = [];
  const { count } = order;
  let startedAt = performance.now();
  while (guards.length < count) {
    const missing = Math.min(AT_ONCE, count - guards.length);
    startedAt = performance.now();
    guards.push(
      ...(await Promise.all(
        Array.from({ length: missing }, (_, index) => start(order, guards.length + index)),
      )),
    );
  }
  while (countCurrent() < count && performance.now() < startedAt + PATIENCE) await sleep(10);
  const names = guards.reduce((sum, guard) => sum + guard.status().viewSize, 0);
  return { current: countCurrent(), names, took: performance.now() - startedAt };
}

answerOrders(run);
