import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { Metrics } from '../core/ports/metrics';

/** The connections to Postgres. */
export interface PoolReading {
  readonly inUse: number;
  readonly idle: number;
  readonly waiting: number;
}

/** s; from a check in memory to a request that waits for a lease. */
const REQUEST_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** Creates the metrics of requests and of what they wait for. */
export function createRequestMetrics(registers: Registry[], version: string) {
  const counter = <Label extends string>(name: string, help: string, labelNames: Label[]) =>
    new Counter({ name: `tokenfence_${name}`, help, labelNames, registers });
  const gauge = (name: string, help: string) => new Gauge({ name: `tokenfence_${name}`, help, registers });

  const requests = counter(
    'requests_total',
    'Requests answered, by the field of the schema or the route, and by code',
    ['operation', 'code'],
  );
  const latency = new Histogram({
    name: 'tokenfence_request_seconds',
    help: 'Time from the arrival of a request to the end of its answer, by the field of the schema or the route',
    labelNames: ['operation'],
    buckets: REQUEST_BUCKETS,
    registers,
  });
  const refusals = counter('refusals_total', 'Refused requests in the audit log, by the type of event', [
    'type',
  ]);
  const refusalsNotRecorded = counter(
    'refusals_not_recorded_total',
    'Refused requests beyond the limits of the audit log, by the type of event',
    ['type'],
  );
  const hashesWaiting = gauge('hashes_waiting', 'Passwords that wait to be hashed');
  const hashesNotMade = counter(
    'hashes_not_made_total',
    'Passwords not hashed: refused, because too many waited, or abandoned by the client',
    ['why'],
  );
  const poolInUse = gauge('pool_in_use', 'Connections to Postgres in use');
  const poolIdle = gauge('pool_idle', 'Connections to Postgres that are open and not in use');
  const poolWaiting = gauge('pool_waiting', 'Callers that wait for a connection to Postgres');
  new Gauge({
    name: 'tokenfence_build_info',
    help: '1, with the versions of this package and of Node',
    labelNames: ['version', 'node'],
    registers,
  }).set({ version, node: process.version }, 1);

  const counters: Pick<
    Metrics,
    'answered' | 'refused' | 'refusalNotRecorded' | 'hashesWaiting' | 'hashNotMade'
  > = {
    answered(operation, code, ms) {
      requests.inc({ operation, code });
      latency.observe({ operation }, ms / 1000);
    },
    refused: (type) => refusals.inc({ type }),
    refusalNotRecorded: (type) => refusalsNotRecorded.inc({ type }),
    hashesWaiting: (count) => hashesWaiting.set(count),
    hashNotMade: (why) => hashesNotMade.inc({ why }),
  };

  return {
    counters,
    readPool(pool: PoolReading): void {
      poolInUse.set(pool.inUse);
      poolIdle.set(pool.idle);
      poolWaiting.set(pool.waiting);
    },
  };
}
