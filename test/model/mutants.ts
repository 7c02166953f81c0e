import type { Rule, Scenario } from './model';
import { scenarios } from './scenarios';

/** A removed rule, and the scenario in which its absence breaks the promise. */
export interface Mutant {
  readonly without: Rule;
  readonly in: Scenario;
}

export const MUTANTS: readonly Mutant[] = [
  { without: 'the tail is noted before the load', in: scenarios.flush },
  { without: 'the load is of the full log', in: scenarios.outOfOrder },
  { without: 'a heartbeat counts when its tail was applied', in: scenarios.flush },
  { without: 'an epoch is bound to the run of its server', in: scenarios.oldData },
  { without: 'an epoch is bound to the promotion of its server', in: scenarios.failoverAndBack },
  { without: 'a lost stream ends the epoch', in: scenarios.evictedStream },
  { without: 'a publication finds the stream', in: scenarios.streamLostBetween },
  { without: 'a heartbeat names its epoch', in: scenarios.flush },
  { without: 'a heal names its epoch', in: scenarios.evictedStream },
  { without: 'a heal is filled with its last entry', in: scenarios.withoutPostgres },
  { without: 'records are named by their epoch', in: scenarios.oldRecords },
  { without: 'a fill needs its ticket', in: scenarios.records },
  { without: 'a publication voids the ticket', in: scenarios.records },
  { without: 'a publication merges into the record', in: scenarios.records },
  { without: 'a publication makes no record', in: scenarios.records },
  { without: 'an epoch is known for W before a fast confirmation', in: scenarios.flush },
  { without: 'W is longer than L', in: scenarios.slowClock },
  { without: 'the stamp is taken before sending', in: scenarios.flush },
  { without: 'without Postgres, only a filled epoch is joined', in: scenarios.withoutPostgres },
  { without: 'the nodes are noted with the publication', in: scenarios.flush },
  { without: 'the id and the nodes are read in one step', in: scenarios.flush },
  { without: 'a beat is compared before its node is removed', in: scenarios.silentNode },
  { without: 'a count of beats never comes again', in: scenarios.silentNode },
  { without: 'records are read under the lease only', in: scenarios.failoverOfRecords },
  { without: 'a lease holds in its own epoch only', in: scenarios.splitBrainOfRecords },
  { without: 'a heartbeat counts when replicas have it', in: scenarios.splitBrain },
  { without: 'a publication counts when replicas have it', in: scenarios.splitBrain },
  { without: 'a gap in the stream is noticed', in: scenarios.deletedEntry },
  { without: 'the larger of two clocks counts', in: scenarios.slowClock },
  { without: 'a node that leaves gives up its view first', in: scenarios.graceful },
  { without: 'late answers of an earlier join are not heard', in: scenarios.lateAnswers },
];

/**
 * The rules that the promise does not need.
 *
 * A slow confirmation need not find the epoch unchanged. The revocation was committed and published in a live epoch,
 * and every later epoch begins after it. So a process that joins, heals or fills a record there reads Postgres
 * after the commit. The leases of that epoch and of earlier ones that do not know the revocation end within W. The
 * code checks anyway: it is one comparison, and a new publication brings the revocation to the followers of the
 * new stream at once.
 *
 * A heartbeat of a process behind the tail need not find the stream. The view of such a process is not current, and
 * without the stream it never is. The code looks, so that the process learns this and joins again.
 */
export const HARMLESS: readonly Rule[] = [
  'a slow confirmation finds the epoch unchanged',
  'a heartbeat behind the tail finds the stream',
];
