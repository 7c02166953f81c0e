import { randomUUID } from 'node:crypto';
import type { Availability } from '../core/availability';
import { type Clock, elapsedSince, type Moment, momentOf } from '../core/clock';
import { isUnavailable } from '../core/errors';
import {
  type Beat,
  BEGINNING,
  type EpochState,
  type LogReader,
  type LogStream,
} from '../core/ports/log-stream';
import type { Logger } from '../core/ports/logger';
import { stale, type ViewSource } from '../core/ports/source';
import type { RevocationLog } from '../core/ports/truth';
import type { LoggedRevocation } from '../core/revocation';
import type { KnownEpoch } from './epoch';
import { createFollower } from './follow';
import { createHeal } from './heal';
import { createLease } from './lease';
import type { RecordsGate } from './records-gate';
import type { View } from './view';

/**
 * One joining of an epoch. The same epoch may be joined again: after a gap, or after the view was given up. Late answers
 * of the earlier joining must not count then.
 */
interface Joined {
  readonly epochId: string;
  /** The name under which it registers. It is new at each joining, so that a late `leave` removes no later entry. */
  readonly node: string;
  /** Whether the live log has been loaded into the view since. */
  isLoaded: boolean;
}

export interface HeartbeatOptions {
  readonly stream: LogStream;
  readonly reader: LogReader;
  /** Reopens the connections for reads: after a failover they may still lead to the old server. */
  readonly reopen: () => void;
  readonly epoch: KnownEpoch;
  /** The log in Postgres. A process without it loads the view from the stream, once that is filled. */
  readonly log?: Pick<RevocationLog, 'eachLive' | 'eachUnconfirmed'>;
  readonly view: View;
  /** Whether checks use the view. If not, the heartbeat only reaches Redis, and `take` gets what the stream brings. */
  readonly usesView: boolean;
  /** Takes a revocation into the view, and announces it. */
  readonly take: (entry: LoggedRevocation) => void;
  /** Whether the records may be read, for a process that also asks Postgres. */
  readonly gate?: RecordsGate;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly availability: Availability;
  /** ms for which a heartbeat keeps the view current; learned from the nodes if left out */
  readonly lease?: number;
  /** s; the longest life of an access token that this process issues; 0 if it issues none */
  readonly tokenTtl: number;
}

/** Heartbeats per lease, so that one that is lost or late does not end it. */
const BEATS = 3;

/** ms between two heartbeats while the fleet's lease is not known yet. */
const WAITING_INTERVAL = 300;

/** ms until the next load after one failed, or after one brought more than the view may hold. */
const RELOAD_DELAY = 1000;
const OVERFULL_DELAY = 300_000;

/**
 * Starts this process's part in the lease protocol (docs/protocol.md): it keeps the view up to date with the revocations
 * of all nodes, and keeps the promise that a confirmed revocation is in every view that is current.
 *
 * It joins an epoch: it follows the stream from its tail and *then* loads the full live log from Postgres, so that nothing
 * is missed in between. Then it sends heartbeats. Each one says how far it has applied the stream, and is answered the
 * tail. When it has applied the stream up to that tail, the view is current for one lease, counted from before the
 * heartbeat was sent. A revocation is confirmed when every registered node has applied it, or when every lease from
 * before it is over.
 */
export function startHeartbeat(options: HeartbeatOptions): ViewSource {
  const { stream, reopen, epoch, log, view, usesView, take, gate, clock, logger, availability, tokenTtl } =
    options;
  let length = options.lease ?? 0;
  const heal = log && createHeal({ stream, log, node: randomUUID(), logger });

  /** Proves that this process reaches the Redis where the revocations of all nodes are published. */
  const reach = createLease(() => length, clock);
  let reachedEpoch: string | undefined;
  /** While it holds, the view is current. */
  const current = createLease(() => length, clock);
  /** Answered heartbeats whose tail has not been applied yet. */
  let awaited: { readonly tail: number; readonly sentAt: Moment }[] = [];

  let joined: Joined | undefined;
  let hasJoined = false;
  let tail = 0;
  let coveredTtl = 0;
  let stopped = false;

  const renew = (sentAt: Moment) => {
    if (!stopped) current.renew(sentAt);
  };

  const follower = createFollower({
    ...options,
    apply: take,
    tail: () => tail,
    onProgress: () => {
      const position = joined ? follower.positionIn(joined.epochId) : -1;
      for (const { sentAt } of awaited.filter((beat) => beat.tail <= position)) renew(sentAt);
      awaited = awaited.filter((beat) => beat.tail > position);
      giveUpIfOverfull();
      // Confirmations wait for this position.
      if (joined?.isLoaded) beatNow();
    },
    onGap: (epochId) => {
      // Joined again with the next heartbeat, not at once: while reads and writes go to different servers, every read
      // shows a gap.
      if (joined) leave(joined);
      joined = undefined;
      epoch.ended(epochId);
    },
  });

  const after = (delay: number, work: () => void) => setTimeout(work, delay).unref();

  const joinedTo = (epochId: string): Joined => ({ epochId, node: randomUUID(), isLoaded: false });

  const leave = (from: Joined) => {
    // First the view, then the registration: no confirmation waits for a node that is not registered.
    current.end();
    awaited = [];
    stream.leave(from.epochId, from.node).catch(() => undefined);
  };

  const giveUp = (from: Joined) => {
    leave(from);
    // A new joining, so that a load under way no longer counts: the view has lost part of what it brought.
    const bare = joinedTo(from.epochId);
    joined = bare;
    view.clear();
    logger.warn(
      { retryIn: OVERFULL_DELAY },
      'There are more live revocations than REVOCATION_VIEW_LIMIT allows. Tokens are checked in Redis until there are fewer.',
    );
    after(OVERFULL_DELAY, () => {
      if (log) void load(bare);
      // Only the stream's beginning brings back what the view has lost, as at the first joining.
      else if (joined === bare) joined = undefined;
    });
  };

  const giveUpIfOverfull = () => {
    if (joined && usesView && view.isOverfull) giveUp(joined);
  };

  const load = async (into: Joined) => {
    if (!log) {
      // Everything comes by the stream. Heartbeats begin when it has been applied.
      into.isLoaded = true;
      return;
    }
    const isWanted = () => !stopped && joined === into;
    if (!isWanted()) return;
    try {
      await log.eachLive((entries, asOf) => {
        view.noteAsOf(asOf);
        for (const entry of entries) take(entry);
        return Promise.resolve(isWanted() && !view.isOverfull);
      });
      if (!isWanted()) return;
      if (view.isOverfull) {
        giveUp(into);
        return;
      }
      into.isLoaded = true;
      beatNow();
    } catch (error) {
      if (!isUnavailable(error)) logger.error({ err: error }, 'The live revocations could not be loaded.');
      after(RELOAD_DELAY, () => void load(into));
    }
  };

  const join = (state: EpochState) => {
    const { id, cursor, tail: position } = state;
    const mine = joinedTo(id);
    joined = mine;
    awaited = [];
    tail = position;
    if (hasJoined) reopen();
    hasJoined = true;
    length = options.lease ?? state.lease ?? 0;
    // First follow, then load: a revocation made in between is then in both, not in neither.
    if (log || cursor === BEGINNING) follower.follow({ epochId: id, cursor, position });
    else follower.follow({ epochId: id, cursor: BEGINNING, position: undefined });
    if (usesView) void load(mine);
    return mine;
  };

  /**
   * Loads unconfirmed revocations after a time without Redis. Meanwhile tokens were checked in Postgres. A token that was
   * refused there must not be accepted by the view, although its revocation is not published yet.
   */
  const catchUp = async () => {
    gate?.close();
    try {
      await log?.eachUnconfirmed((entries) => {
        for (const entry of entries) take(entry);
        return Promise.resolve(!stopped);
      });
    } catch (error) {
      // Postgres is away. The stream has everything that is confirmed, which is all that is promised.
      if (!isUnavailable(error)) throw error;
    }
  };

  const counted = (sender: Joined | undefined, epochId: string, sentAt: Moment, beat: Beat) => {
    reach.renew(sentAt);
    reachedEpoch = epochId;
    ({ tail } = beat);
    coveredTtl = beat.longestTokenTtl;
    view.noteAsOf(beat.asOf);
    if (!beat.filled && (sender ?? !usesView)) heal?.(epochId);
    // The joining may have ended while the heartbeat was under way.
    if (!sender?.isLoaded || sender !== joined) return;
    if (follower.positionIn(epochId) >= tail) renew(sentAt);
    else
      awaited = [...awaited.filter((other) => elapsedSince(other.sentAt, clock) < length), { tail, sentAt }];
  };

  /** Sends one heartbeat. Answers whether to send the next one at once: after the epoch or the lease has ended. */
  const beat = async (): Promise<boolean> => {
    // While Redis was away, the view may have got too much from this process's own revocations, or from the poll.
    giveUpIfOverfull();
    const state = await epoch.get();
    const { id } = state;
    if (!log && !state.filled) return awaitFilled(id);
    const joining = joined?.epochId === id ? joined : join(state);
    const hasLapsed = !reach.holds;
    if (hasLapsed) {
      // This one renews nothing. It only tells whether Redis can be reached, so that catching up is of use.
      if ((await stream.probe(id)) === 'STALE') return epochEnded(id);
      await catchUp();
    }
    const position = follower.positionIn(id);
    // A node that has been behind for a whole lease has no current view. It sends only a probe, which names no node. So it
    // is removed as silent, and no confirmation waits for it.
    const isUpToDate = current.holds || position >= tail;
    const sender = joining.isLoaded && isUpToDate ? joining : undefined;
    const sentAt = momentOf(clock);
    const answer = sender
      ? await stream.beat(id, { node: joining.node, position, tokenTtl })
      : await stream.probe(id);
    if (answer === 'STALE') return epochEnded(id);
    // The lease ended while the heartbeat was under way, so catch up before the next one counts.
    if (!reach.holds && !hasLapsed) return true;
    if (!stopped) counted(sender, id, sentAt, answer);
    availability.worked();
    return false;
  };

  /** For a process without Postgres: from a stream that is not filled, its view would call revoked tokens good. */
  const awaitFilled = async (epochId: string) => {
    const answer = await stream.probe(epochId);
    availability.worked();
    if (answer !== 'STALE' && !answer.filled) return false;
    return epochEnded(epochId);
  };

  const epochEnded = (epochId: string) => {
    epoch.ended(epochId);
    return true;
  };

  let timer: NodeJS.Timeout | undefined;
  let beating: Promise<void> | undefined;
  let again = false;

  const beatUntilDone = async () => {
    do {
      again = false;
      try {
        again = (await beat()) || again;
      } catch (error) {
        if (isUnavailable(error)) availability.failed(reasonOf(error));
        else logger.error({ err: error }, 'Unexpected error in a heartbeat.');
      }
    } while (again && !stopped);
    beating = undefined;
    if (!stopped) timer = after(length > 0 ? length / BEATS : WAITING_INTERVAL, beatNow);
  };

  const beatNow = () => {
    if (stopped) return;
    if (beating) {
      again = true;
      return;
    }
    clearTimeout(timer);
    beating = beatUntilDone();
  };

  beatNow();

  return {
    step: 'view',
    find({ token }) {
      const { exp, iat } = token.claims;
      const found = view.lookUp(token);
      return current.holds && !view.isOverfull && exp - iat <= coveredTtl ? found : stale(found);
    },
    get readableEpoch() {
      return (gate?.isOpen ?? true) && reach.holds ? reachedEpoch : undefined;
    },
    get state() {
      const position = joined ? follower.positionIn(joined.epochId) : -1;
      return {
        isCurrent: current.holds,
        size: view.size,
        lag: position < 0 ? 0 : Math.max(0, tail - position),
        reachesRedis: reach.holds,
      };
    },
    async stop() {
      stopped = true;
      clearTimeout(timer);
      current.end();
      reach.end();
      follower.stop();
      await beating;
      // Last, when the view is given up and no heartbeat can register this node again.
      if (joined) await stream.leave(joined.epochId, joined.node).catch(() => undefined);
    },
  };
}

function reasonOf(error: unknown): string {
  const { cause } = error as Error;
  return cause instanceof Error ? cause.message : 'unknown';
}
