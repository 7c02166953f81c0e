import type { FaultKind } from './faults';
import type { Settlement } from './oracle';
import type { PastFault } from './storm';
import type { Tally } from './tally';
import { type Counts, countViolations, type Violation } from './witness';

/** The report of a run. */
export interface Report {
  readonly seed: string;
  /** ms */
  readonly duration: number;
  readonly lease: string;
  /** What the nodes store in, and with which settings. */
  readonly stores: string;
  readonly tally: Tally;
  readonly faults: readonly PastFault[];
  /** How many checks each source answered, of each service. */
  readonly services: readonly ReadonlyMap<string, number>[];
  readonly counts: Counts;
  readonly tokens: number;
  readonly settlement: Settlement | undefined;
  readonly violations: readonly Violation[];
}

/** A quantile of sorted numbers, in whole ms. */
function quantile(sorted: readonly number[], part: number): string {
  const value = sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))];
  return value === undefined ? '-' : `${Math.round(value)} ms`;
}

function describeLatencies(name: string, latencies: readonly number[]): string {
  const sorted = [...latencies].sort((a, b) => a - b);
  return (
    `  ${name}: ${sorted.length} receipts; ` +
    `median ${quantile(sorted, 0.5)}, p99 ${quantile(sorted, 0.99)}, max ${quantile(sorted, 1)}`
  );
}

/** How many checks of all services each source answered. */
function describeServices(services: Report['services']): string[] {
  if (services.length === 0) return [];
  const sums = new Map<string, number>();
  for (const [source, count] of services.flatMap((checks) => [...checks]))
    sums.set(source, (sums.get(source) ?? 0) + count);
  const parts = [...sums].sort().map(([source, count]) => `${count} by ${source}`);
  return [
    `Services that follow, every second one a guard of its own: ${services.length}. Their checks: ${parts.join(', ') || 'none'}.`,
  ];
}

function byKind(faults: readonly PastFault[]): Map<FaultKind, PastFault[]> {
  const kinds = new Map<FaultKind, PastFault[]>();
  for (const fault of faults) kinds.set(fault.kind, [...(kinds.get(fault.kind) ?? []), fault]);
  return kinds;
}

/** ms after a fault in which the time without a confirmation still counts as its own. */
const AFTERMATH = 2000;

/** The longest time without a confirmed receipt from the beginning of a fault to its aftermath, in ms. */
function outageOf({ from, to = from }: PastFault, confirmedAt: readonly number[]): number {
  let longest = 0;
  let last = from;
  for (const at of confirmedAt) {
    if (at < from) continue;
    longest = Math.max(longest, at - last);
    last = at;
    if (at > to + AFTERMATH) break;
  }
  return longest;
}

function describeOutages(faults: readonly PastFault[], confirmedAt: readonly number[]): string {
  const sorted = [...confirmedAt].sort((a, b) => a - b);
  const outages = faults.map((fault) => outageOf(fault, sorted)).sort((a, b) => a - b);
  const lengths = faults.map(({ from, to = from }) => to - from).sort((a, b) => a - b);
  return (
    `lasted ${quantile(lengths, 0.5)}, longest without a confirmation: ` +
    `median ${quantile(outages, 0.5)}, max ${quantile(outages, 1)}`
  );
}

/** The limit of a shown text, in characters. */
const LONGEST_LINE = 1200;

const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;

export function describeReport(report: Report): string {
  const { seed, duration, lease, stores, tally, faults, services, counts, tokens, settlement, violations } =
    report;
  const sum = (what: 'confirmed' | 'unconfirmed' | 'refused' | 'unknown') =>
    [...tally.kinds.values()].reduce((total, kind) => total + kind[what], 0);
  return [
    `Seed ${seed}; ${seconds(duration)}; lease ${lease}; ${stores}; ${tokens} access tokens, ${tally.logins} logins.`,
    `Refreshes: ${tally.refreshes}; ${tally.repeated} repeated with the same token, ${tally.thefts} thefts found.`,
    `Revocations: ${sum('confirmed')} confirmed, ${sum('unconfirmed')} unconfirmed, ${sum('unknown')} without an answer, ${sum('refused')} refused${settlement ? `; ${settlement.logged} entries in the log` : ''}.`,
    ...[...tally.kinds].map(
      ([kind, { confirmed, unconfirmed, unknown, refused }]) =>
        `  ${kind}: ${confirmed} confirmed, ${unconfirmed} unconfirmed, ${unknown} without an answer, ${refused} refused`,
    ),
    ...[...tally.reasons].map(([reason, count]) => `  unconfirmed ${count} times: ${reason}`),
    'From a revocation to its confirmed receipt:',
    describeLatencies('while nothing was wrong', tally.latencies.calm),
    ...(services.length > 0
      ? [
          describeLatencies('while followers did harm', tally.latencies.harmed) +
            `; ${tally.unconfirmedByHarm} unconfirmed`,
        ]
      : []),
    describeLatencies('during a fault', tally.latencies.troubled),
    ...describeServices(services),
    `Faults: ${faults.length}.`,
    ...[...byKind(faults)].map(
      ([kind, past]) => `  ${kind}: ${past.length}; ${describeOutages(past, tally.confirmedAt)}`,
    ),
    `Tokens presented: ${counts.accepted} accepted, ${counts.refused} refused, ${counts.unavailable} times it could not be told.`,
    settlement
      ? `When the faults were over: every node well after ${seconds(settlement.wellAfter)},${services.length > 0 ? ` every service following after ${seconds(settlement.followedAfter)},` : ''} all confirmed after ${seconds(settlement.confirmedAfter)}.`
      : 'It did not come to an end.',
    `Violations: ${countViolations(violations)}.`,
    ...violations.flatMap(({ promise, count, cases }) => [
      '',
      `${promise} ${count} times; the first of them:`,
      ...cases.flatMap((lines, i) => [
        `  ${i + 1}.`,
        ...lines.map((line) => `     ${line.slice(0, LONGEST_LINE)}`),
      ]),
    ]),
  ].join('\n');
}
