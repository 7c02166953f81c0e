import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import { createRequestMetrics, type PoolReading } from './request-metrics';
import type { CheckAnswer, CheckStep, Metrics } from '../core/ports/metrics';

/** Values that are read when the metrics are exposed. */
export interface Readings {
  readonly isViewCurrent: () => boolean;
  /** Users, tokens, sessions and keys in the view. */
  readonly viewSize: () => number;
  /** Published revocations that the view has not applied yet. */
  readonly viewLag: () => number;
  /** `undefined` without Redis. */
  readonly reachesRedis: () => boolean | undefined;
  /** ms by which this process is ahead of Postgres; `undefined` before the first measurement. */
  readonly clockOffset: () => number | undefined;
  /** Unconfirmed revocations; rejects while Postgres cannot be reached. */
  readonly unconfirmed: () => Promise<number>;
  readonly pool: () => PoolReading;
}

export interface Prometheus extends Metrics {
  /** Returns all metrics in the format of Prometheus. */
  expose(readings: Readings): Promise<{ readonly contentType: string; readonly text: string }>;
}

/** s; from a confirmation within a few ms to one that waits for a long lease. */
const CONFIRMATION_BUCKETS = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 1.5, 2.5, 5, 10, 25];

/**
 * Creates the metrics.
 *
 * @param version of this package
 */
export function createPrometheus(version: string): Prometheus {
  const registers = [new Registry()];
  const [registry] = registers as [Registry];
  collectDefaultMetrics({ register: registry });
  const counter = <Label extends string>(name: string, help: string, labelNames: Label[] = []) =>
    new Counter({ name: `tokenfence_${name}`, help, labelNames, registers });
  const gauge = (name: string, help: string) => new Gauge({ name: `tokenfence_${name}`, help, registers });

  const checks = counter('checks_total', 'Tokens checked, by the store that decided and by its answer', [
    'step',
    'answer',
  ]);
  const confirmations = new Histogram({
    name: 'tokenfence_confirmation_seconds',
    help: 'Time from the commit of a revocation to its confirmation, by how it was confirmed',
    labelNames: ['way'],
    buckets: CONFIRMATION_BUCKETS,
    registers,
  });
  const unconfirmed = counter('unconfirmed_receipts_total', 'Receipts with confirmed: false');
  const relayed = counter('relayed_total', 'Revocations published that another process had left unconfirmed');
  const requests = createRequestMetrics(registers, version);
  const socketsClosed = counter('sockets_closed_total', 'Sockets closed, by reason', ['reason']);
  const viewCurrent = gauge('view_current', '1 while tokens are checked in memory');
  const viewSize = gauge('view_size', 'Users, tokens, sessions and keys that the view names');
  const viewLag = gauge('view_lag', 'Published revocations that the view has not applied yet');
  const redisReached = gauge(
    'redis_reached',
    '1 while Redis accepts our writes within the lease; absent without Redis',
  );
  const backlog = gauge(
    'relay_backlog',
    'Unconfirmed revocations in Postgres; absent while Postgres cannot be reached',
  );
  const clockOffset = gauge(
    'clock_offset_seconds',
    'How far the clock of this process is ahead of the clock of Postgres; negative when it is behind',
  );
  const openSockets = gauge('sockets_open', 'Open sockets');

  // On the hot path: plain numbers, added to the counters when the metrics are read.
  const counted = new Map<CheckStep, Map<CheckAnswer, number>>();

  return {
    checked(step, answer) {
      const ofStep = counted.get(step) ?? new Map<CheckAnswer, number>();
      counted.set(step, ofStep.set(answer, (ofStep.get(answer) ?? 0) + 1));
    },
    confirmed: (way, ms) => confirmations.observe({ way }, ms / 1000),
    unconfirmed: () => unconfirmed.inc(),
    relayed: (count) => relayed.inc(count),
    ...requests.counters,
    socketOpened: () => openSockets.inc(),
    socketClosed(reason) {
      openSockets.dec();
      socketsClosed.inc({ reason });
    },

    async expose(readings) {
      for (const [step, answers] of counted) {
        for (const [answer, count] of answers) checks.inc({ step, answer }, count);
        answers.clear();
      }
      viewCurrent.set(readings.isViewCurrent() ? 1 : 0);
      viewSize.set(readings.viewSize());
      viewLag.set(readings.viewLag());
      const reached = readings.reachesRedis();
      if (reached === undefined) redisReached.remove();
      else redisReached.set(reached ? 1 : 0);
      const offset = readings.clockOffset();
      if (offset === undefined) clockOffset.remove();
      else clockOffset.set(offset / 1000);
      requests.readPool(readings.pool());
      const out = await readings.unconfirmed().catch(() => undefined);
      if (out === undefined) backlog.remove();
      else backlog.set(out);
      return { contentType: registry.contentType, text: await registry.metrics() };
    },
  };
}
