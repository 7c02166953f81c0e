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
  return [`Services that follow: ${services.length}. Their checks: ${parts.join(', ') || 'none'}.`];
}

function countByKind(faults: readonly PastFault[]): Map<FaultKind, number> {
  const counts = new Map<FaultKind, number>();
  for (const { kind } of faults) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  return counts;
}

/** The limit of a shown text, in characters. */
const LONGEST_LINE = 1200;

const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;

export function describeReport(report: Report): string {
  const { seed, duration, lease, tally, faults, services, counts, tokens, settlement, violations } = report;
  const sum = (what: 'confirmed' | 'unconfirmed' | 'refused' | 'unknown') =>
    [...tally.kinds.values()].reduce((total, kind) => total + kind[what], 0);
  return [
    `Seed ${seed}; ${seconds(duration)}; lease ${lease}; ${tokens} access tokens, ${tally.logins} logins.`,
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
    ...[...countByKind(faults)].map(([kind, count]) => `  ${kind}: ${count}`),
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
