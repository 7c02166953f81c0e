import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { CheckAnswer, CheckStep, Metrics } from '../core/ports/metrics';
import type { SourceState } from '../core/ports/source';

/** Values that are read when the metrics are exposed. */
export interface Readings {
  readonly view: SourceState;
  /** ms by which this process is ahead of Postgres; `undefined` before the first measurement. */
  readonly clockOffset: number | undefined;
  /** Unconfirmed revocations; `undefined` while Postgres cannot be reached. */
  readonly unconfirmed: number | undefined;
  /** The age of the oldest mail that waits, in ms; `undefined` without a mail server, or without Postgres. */
  readonly oldestMail: number | undefined;
  /** The services that follow this node; `undefined` if none can. */
  readonly followers: { readonly connected: number; readonly lag: number } | undefined;
  /** The connections to Postgres. */
  readonly pool: { readonly inUse: number; readonly idle: number; readonly waiting: number };
}

export interface Prometheus extends Metrics {
  /** Returns all metrics in the format of Prometheus. */
  expose(readings: Readings): Promise<{ readonly contentType: string; readonly text: string }>;
}

/** What each metric says, by its name without the prefix. */
const HELP = {
  checks_total: 'Tokens checked, by the store that decided and by its answer',
  confirmation_seconds: 'Time from the commit of a revocation to its confirmation, by how it was confirmed',
  unconfirmed_receipts_total: 'Receipts with confirmed: false',
  relayed_total: 'Revocations published that another process had left unconfirmed',
  relay_backlog: 'Unconfirmed revocations in Postgres; absent while Postgres cannot be reached',
  view_current: '1 while tokens are checked in memory',
  view_size: 'Users, tokens, sessions and keys that the view names',
  view_lag: 'Published revocations that the view has not applied yet',
  redis_reached: '1 while Redis accepts our writes within the lease; absent without Redis',
  requests_total: 'Requests answered, by the field of the schema or the route, and by code',
  request_seconds:
    'Time from the arrival of a request to the end of its answer, by the field of the schema or the route',
  refusals_total: 'Refused requests in the audit log, by the type of event',
  refusals_not_recorded_total: 'Refused requests beyond the limits of the audit log, by the type of event',
  hashes_waiting: 'Passwords that wait to be hashed',
  mails_sent_total: 'Mails sent, by kind',
  mails_retried_total: 'Attempts at sending a mail that failed and will be repeated, by kind',
  mails_given_up_total: 'Mails given up: refused for good, or not sent within a day, by kind',
  mails_oldest_seconds:
    'Age of the oldest mail that was not sent yet, 0 for none; absent while Postgres cannot be reached',
  breach_checks_total: 'New passwords looked up among breached ones, by answer',
  hashes_not_made_total: 'Passwords not hashed: refused, because too many waited, or abandoned by the client',
  sockets_open: 'Open sockets',
  sockets_closed_total: 'Sockets closed, by reason',
  followers: 'Services that follow this node; absent where none can',
  followers_lag:
    'Revocations that the slowest follower with a lease has not applied; absent where none can follow',
  follower_grants_total: 'Heartbeats of followers, by answer: GRANTED, or why there was no lease',
  followers_dropped_total: 'Followers that were cut off or lost, by reason',
  clock_offset_seconds:
    'How far the clock of this process is ahead of the clock of Postgres; negative when it is behind',
  pool_in_use: 'Connections to Postgres in use',
  pool_idle: 'Connections to Postgres that are open and not in use',
  pool_waiting: 'Callers that wait for a connection to Postgres',
  build_info: '1, with the versions of this package and of Node',
};

type MetricName = keyof typeof HELP;

/** s; from a confirmation within a few ms to one that waits for a long lease. */
const CONFIRMATION_BUCKETS = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 1.5, 2.5, 5, 10, 25];

/** s; from a check in memory to a request that waits for a lease. */
const REQUEST_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** The gauges that are set from readings. One without a value is absent. */
const READ_GAUGES: readonly (readonly [MetricName, (readings: Readings) => number | undefined])[] = [
  ['view_current', ({ view }) => Number(view.isCurrent)],
  ['view_size', ({ view }) => view.size],
  ['view_lag', ({ view }) => view.lag],
  ['followers', ({ followers }) => followers?.connected],
  ['followers_lag', ({ followers }) => followers?.lag],
  ['redis_reached', ({ view }) => (view.reachesRedis === undefined ? undefined : Number(view.reachesRedis))],
  ['relay_backlog', ({ unconfirmed }) => unconfirmed],
  ['mails_oldest_seconds', ({ oldestMail }) => (oldestMail === undefined ? undefined : oldestMail / 1000)],
  ['clock_offset_seconds', ({ clockOffset }) => (clockOffset === undefined ? undefined : clockOffset / 1000)],
  ['pool_in_use', ({ pool }) => pool.inUse],
  ['pool_idle', ({ pool }) => pool.idle],
  ['pool_waiting', ({ pool }) => pool.waiting],
];

/** Returns the options of a metric by its name. */
const createNaming =
  (registry: Registry) =>
  <Label extends string>(name: MetricName, labelNames: Label[] = []) => ({
    name: `tokenfence_${name}`,
    help: HELP[name],
    labelNames,
    registers: [registry],
  });

type AccountMetrics = Pick<Metrics, 'mailSent' | 'mailRetried' | 'mailGivenUp' | 'breachChecked'>;

function accountMetrics(named: ReturnType<typeof createNaming>): AccountMetrics {
  const sent = new Counter(named('mails_sent_total', ['kind']));
  const retried = new Counter(named('mails_retried_total', ['kind']));
  const givenUp = new Counter(named('mails_given_up_total', ['kind']));
  const breachChecks = new Counter(named('breach_checks_total', ['answer']));
  return {
    mailSent: (kind) => sent.inc({ kind }),
    mailRetried: (kind) => retried.inc({ kind }),
    mailGivenUp: (kind) => givenUp.inc({ kind }),
    breachChecked: (answer) => breachChecks.inc({ answer }),
  };
}

type ConnectionMetrics = Pick<Metrics, 'socketOpened' | 'socketClosed' | 'granted' | 'followerDropped'>;

function connectionMetrics(named: ReturnType<typeof createNaming>): ConnectionMetrics {
  const openSockets = new Gauge(named('sockets_open'));
  const socketsClosed = new Counter(named('sockets_closed_total', ['reason']));
  const grants = new Counter(named('follower_grants_total', ['answer']));
  const dropped = new Counter(named('followers_dropped_total', ['reason']));
  return {
    socketOpened: () => openSockets.inc(),
    socketClosed(reason) {
      openSockets.dec();
      socketsClosed.inc({ reason });
    },
    granted: (answer) => grants.inc({ answer }),
    followerDropped: (reason) => dropped.inc({ reason }),
  };
}

/**
 * Creates the metrics.
 *
 * @param version of this package
 */
export function createPrometheus(version: string): Prometheus {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const named = createNaming(registry);

  const checks = new Counter(named('checks_total', ['step', 'answer']));
  const confirmations = new Histogram({
    ...named('confirmation_seconds', ['way']),
    buckets: CONFIRMATION_BUCKETS,
  });
  const unconfirmed = new Counter(named('unconfirmed_receipts_total'));
  const relayed = new Counter(named('relayed_total'));
  const requests = new Counter(named('requests_total', ['operation', 'code']));
  const latency = new Histogram({ ...named('request_seconds', ['operation']), buckets: REQUEST_BUCKETS });
  const refusals = new Counter(named('refusals_total', ['type']));
  const refusalsNotRecorded = new Counter(named('refusals_not_recorded_total', ['type']));
  const hashesWaiting = new Gauge(named('hashes_waiting'));
  const hashesNotMade = new Counter(named('hashes_not_made_total', ['why']));
  new Gauge(named('build_info', ['version', 'node'])).set({ version, node: process.version }, 1);
  const readGauges = READ_GAUGES.map(([name, valueIn]) => ({ gauge: new Gauge(named(name)), valueIn }));

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
    answered(operation, code, ms) {
      requests.inc({ operation, code });
      latency.observe({ operation }, ms / 1000);
    },
    refused: (type) => refusals.inc({ type }),
    refusalNotRecorded: (type) => refusalsNotRecorded.inc({ type }),
    hashesWaiting: (count) => hashesWaiting.set(count),
    hashNotMade: (why) => hashesNotMade.inc({ why }),
    ...accountMetrics(named),
    ...connectionMetrics(named),

    async expose(readings) {
      for (const [step, answers] of counted) {
        for (const [answer, count] of answers) checks.inc({ step, answer }, count);
        answers.clear();
      }
      for (const { gauge, valueIn } of readGauges) {
        const value = valueIn(readings);
        if (value === undefined) gauge.remove();
        else gauge.set(value);
      }
      return { contentType: registry.contentType, text: await registry.metrics() };
    },
  };
}
