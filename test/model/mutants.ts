import type { Scenario } from './model';
import type { Rule } from './rules';
import { scenarios } from './scenarios';
import { scenarios as following } from './scenarios-followers';

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

export const FOLLOWER_MUTANTS: readonly Mutant[] = [
  { without: 'a grant is a part of the lease', in: following.lease },
  { without: 'a grant is a part of the lease of the view', in: following.stop },
  { without: 'a grant counts from the stamp', in: following.lease },
  { without: 'a grant counts when its tail was applied', in: following.death },
  { without: 'a grant is shrunk for slow clocks', in: following.slowFollower },
  { without: 'a follower counts by the larger of two clocks', in: following.clock },
  { without: 'the node waits for grants by the monotonic clock', in: following.clock },
  { without: 'a snapshot is sent after the load', in: following.death },
  { without: 'each join begins its followers anew', in: following.join },
  { without: 'positions belong to a snapshot', in: following.join },
  { without: 'a snapshot is added to the view', in: following.moving },
  { without: 'a follower goes on in one epoch only', in: following.flushOnward },
  { without: 'a follower goes on from a whole snapshot only', in: following.parts },
  {
    without: 'a node has the entries behind the position of a follower that goes on',
    in: following.joinOnward,
  },
  { without: 'known entries are sent too', in: following.onward },
  { without: 'followers are counted', in: following.death },
  { without: 'a follower is counted until its grant is over', in: following.onward },
  { without: 'a node that stops takes its grants back first', in: following.stop },
  { without: 'a follower gives up its lease before its farewell', in: following.stop },
  { without: 'what was given back is not granted again', in: following.stop },
  { without: 'a lease is ended, not only found over', in: following.stop },
  { without: 'the old entry stays until the old grants are over', in: following.join },
  { without: 'each join has a new name', in: following.death },
];

/**
 * The rules of followers that the promise does not need.
 *
 * A reported position may go back. If a follower is counted at a position below one that was reported, it was answered a
 * tail that is not below it, so it is current only when it has come so far. The code reports the highest position:
 * otherwise a new follower would delay confirmations that wait for nobody.
 *
 * A position may count for a later connection, if it counts in its own snapshot only. The node sent everything up to it
 * before, and on the later connection nothing older. In the code each connection is counted by itself.
 *
 * What a node takes by itself need not be sent at once, because the stream brings it. It is sent, so that a follower
 * refuses it as early as its node does.
 */
export const HARMLESS_TO_FOLLOWERS: readonly Rule[] = [
  'a reported position never goes back',
  'positions belong to a connection',
  'what a node takes by itself is sent at once',
];
