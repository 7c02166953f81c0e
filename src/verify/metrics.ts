import type { CheckAnswer, CheckStep } from '../core/ports/metrics';
import type { GuardStatus } from '../guard/create-guard';

/** What each metric says, by its name without the prefix. Names and words are those of a node, where it has the same. */
const HELP = {
  checks_total: ['counter', 'Tokens checked, by the store that decided and by its answer'],
  requests_total: ['counter', 'Requests answered, by the route, and by code'],
  view_current: ['gauge', '1 while tokens are checked in memory'],
  view_size: ['gauge', 'Users, tokens, sessions and keys that the view names'],
  node_reached: ['gauge', '1 while a node is followed, and answers; absent if none is followed'],
  redis_reached: ['gauge', '1 while Redis was reached recently; absent without Redis'],
  keys: ['gauge', 'Signing keys known'],
  connections: ['gauge', 'Open connections'],
  build_info: ['gauge', '1, with the versions of this package and of Node'],
} as const;

type Name = keyof typeof HELP;

/** Values that are read when the metrics are exposed. */
export interface Readings {
  readonly status: GuardStatus;
  readonly connections: number;
}

export interface VerifyMetrics {
  checked(step: CheckStep, answer: CheckAnswer): void;
  /** @param route one of ours, or `none`: never a client's text */
  answered(route: string, status: number): void;
  /** Returns all metrics in the format of Prometheus. */
  expose(readings: Readings): string;
}

export const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

/** Counts by two labels. */
class Counts {
  private readonly counts = new Map<string, Map<string, number>>();

  constructor(
    private readonly first: string,
    private readonly second: string,
  ) {}

  add(one: string, other: string): void {
    const ofOne = this.counts.get(one) ?? new Map<string, number>();
    this.counts.set(one, ofOne.set(other, (ofOne.get(other) ?? 0) + 1));
  }

  samples(): string[] {
    return [...this.counts].flatMap(([one, others]) =>
      [...others].map(([other, count]) => `{${this.first}="${one}",${this.second}="${other}"} ${count}`),
    );
  }
}

const reached = (state: GuardStatus['node']): string[] =>
  state === 'off' ? [] : [` ${Number(state === 'reached')}`];

function* processLines(): Generator<string> {
  const { user, system } = process.cpuUsage();
  yield '# HELP process_cpu_seconds_total Processor time used, in seconds';
  yield '# TYPE process_cpu_seconds_total counter';
  yield `process_cpu_seconds_total ${(user + system) / 1e6}`;
  yield '# HELP process_resident_memory_bytes Memory used, in bytes';
  yield '# TYPE process_resident_memory_bytes gauge';
  yield `process_resident_memory_bytes ${process.memoryUsage.rss()}`;
  yield '# HELP process_start_time_seconds When the process started, in seconds since the epoch';
  yield '# TYPE process_start_time_seconds gauge';
  yield `process_start_time_seconds ${(performance.timeOrigin / 1000).toFixed(3)}`;
}

/**
 * Creates the metrics of the process.
 *
 * @param version of this package
 */
export function createVerifyMetrics(version: string): VerifyMetrics {
  const checks = new Counts('step', 'answer');
  const requests = new Counts('operation', 'code');

  return {
    checked: (step, answer) => checks.add(step, answer),
    answered: (route, status) => requests.add(route, status < 400 ? 'OK' : `HTTP_${status}`),
    expose({ status, connections }) {
      const samples: Record<Name, readonly string[]> = {
        checks_total: checks.samples(),
        requests_total: requests.samples(),
        view_current: [` ${Number(status.view === 'current')}`],
        view_size: [` ${status.viewSize}`],
        node_reached: reached(status.node),
        redis_reached: reached(status.redis),
        keys: [` ${status.keys}`],
        connections: [` ${connections}`],
        build_info: [`{version="${version}",node="${process.version}"} 1`],
      };
      const lines = (Object.keys(HELP) as Name[]).flatMap((name) => [
        `# HELP tokenfence_${name} ${HELP[name][1]}`,
        `# TYPE tokenfence_${name} ${HELP[name][0]}`,
        ...samples[name].map((sample) => `tokenfence_${name}${sample}`),
      ]);
      return `${[...lines, ...processLines()].join('\n')}\n`;
    },
  };
}
