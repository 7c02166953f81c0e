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
import type { Source } from '../core/ports/source';
import type { RevocationLog } from '../core/ports/truth';
import type { LoggedRevocation } from '../core/revocation';
import type { KnownEpoch } from './epoch';
import { createFollower } from './follow';
import { createHeal } from './heal';
import { createLease } from './lease';
import type { RecordsGate } from './records-gate';
import type { View } from './view';

/**
 * One joining of an epoch. The same epoch may be joined again, after a gap or when the view had to be given up, and what
 * is late of the first time must not count then.
 */
interface Joined {
  readonly epochId: string;
  /** What the node is called on the roll: another name each time, so that a late leave-taking strikes no later entry. */
  readonly node: string;
  /** The live log has been loaded into the view since. */
  isLoaded: boolean;
}

export interface HeartbeatOptions {
  readonly stream: LogStream;
  readonly reader: LogReader;
  /** Opens the connections anew on which is read: after a failover they may still lead to the server of before. */
  readonly reopen: () => void;
  readonly epoch: KnownEpoch;
  /** The truth, for a process that has it. One without loads the view from the stream itself, once that is filled. */
  readonly log?: Pick<RevocationLog, 'eachLive' | 'eachUnconfirmed'>;
  readonly view: View;
  /** Whether the view is to be relied on at all. If not, this only reaches Redis, and tells what it hears. */
  readonly usesView: boolean;
  /** Takes a revocation into the view, and tells whoever wants to know. */
  readonly take: (entry: LoggedRevocation) => void;
  /** Whether the records may be read, for a process that also asks Postgres. */
  readonly gate?: RecordsGate;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly availability: Availability;
  /** ms for which a beat permits to rely on the view; learned from the nodes if left out */
  readonly lease?: number;
  /** s; the longest that an access token of ours may live; 0 for one that issues none */
  readonly tokenTtl: number;
}

/** Beats in a lease: so that one that is lost, or late, does not end it. */
const BEATS = 3;

/** ms between two looks whether the fleet's lease is known by now. */
const WAITING_INTERVAL = 300;

/** ms until a load is tried again that failed, or that brought more than the view may hold. */
const RELOAD_DELAY = 1000;
const OVERFULL_DELAY = 300_000;

/**
 * Membership in the fleet: it feeds the view of this process with what all nodes revoke, and takes part in the promise
 * that a confirmed revocation is in every view that is current.
 *
 * It joins an epoch by following the stream from its tail and *then* loading the whole live log from Postgres, so that
 * nothing falls in between. When that is done it beats: each beat says how far it has applied the stream and is answered
 * how far the stream goes. When it has applied that as well, the view is current for one lease, counted from before the
 * beat was sent. Whoever confirms a revocation waits until all who beat have applied it, or until their leases are over.
 */
export function startHeartbeat(options: HeartbeatOptions): Source {
  const { stream, reopen, epoch, log, view, usesView, take, gate, clock, logger, availability, tokenTtl } =
    options;
  let length = options.lease ?? 0;
  const heal = log && createHeal({ stream, log, node: randomUUID(), logger });

  /** Proves that we reach the Redis where everyone else's revocations arrive. */
  const reach = createLease(() => length, clock);
  let reachedEpoch: string | undefined;
  /** Permits to rely on the view. */
  const current = createLease(() => length, clock);
  /** Beats whose tail has not been applied yet. */
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
      // Others wait to hear that it was applied.
      if (joined?.isLoaded) beatNow();
    },
    onGap: (epochId) => {
      // It is joined again with the next beat, not at once: as long as another server is read from than is written to,
      // there is a gap each time.
      if (joined) leave(joined);
      joined = undefined;
      epoch.ended(epochId);
    },
  });

  const after = (delay: number, work: () => void) => setTimeout(work, delay).unref();

  const joinedTo = (epochId: string): Joined => ({ epochId, node: randomUUID(), isLoaded: false });

  const leave = (from: Joined) => {
    // First the view, then the place on the roll: nobody waits any more for one who is not on it.
    current.end();
    awaited = [];
    stream.leave(from.epochId, from.node).catch(() => undefined);
  };

  const giveUp = (from: Joined) => {
    leave(from);
    // In place of the other, so that a load which is under way counts no more: part of what it brought is gone.
    const bare = joinedTo(from.epochId);
    joined = bare;
    view.clear();
    logger.warn(
      { retryIn: OVERFULL_DELAY },
      'There are more live revocations than REVOCATION_VIEW_LIMIT allows. Tokens are checked in Redis until there are fewer.',
    );
    after(OVERFULL_DELAY, () => {
      if (log) void load(bare);
      // What was let go of comes again only if the stream is read from its beginning, as at the first joining.
      else if (joined === bare) joined = undefined;
    });
  };

  const giveUpIfOverfull = () => {
    if (joined && usesView && view.isOverfull) giveUp(joined);
  };

  const load = async (into: Joined) => {
    if (!log) {
      // Whatever there is comes by the stream; it beats when it has come.
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
    // Followed first and loaded then: what is revoked in between is in both rather than in neither.
    if (log || cursor === BEGINNING) follower.aim({ epochId: id, cursor, position });
    else follower.aim({ epochId: id, cursor: BEGINNING, position: undefined });
    if (usesView) void load(mine);
    return mine;
  };

  /**
   * After a time without Redis, when tokens were checked in Postgres: what was refused there, and could not be published
   * yet, must not be accepted again by the view.
   */
  const catchUp = async () => {
    gate?.close();
    try {
      await log?.eachUnconfirmed((entries) => {
        for (const entry of entries) take(entry);
        return Promise.resolve(!stopped);
      });
    } catch (error) {
      // Postgres is away. What is confirmed is in the stream, and no more than that was promised.
      if (!isUnavailable(error)) throw error;
    }
  };

  const counted = (asMember: Joined | undefined, epochId: string, sentAt: Moment, beat: Beat) => {
    reach.renew(sentAt);
    reachedEpoch = epochId;
    ({ tail } = beat);
    coveredTtl = beat.longestTokenTtl;
    view.noteAsOf(beat.asOf);
    if (!beat.filled && (asMember ?? !usesView)) heal?.(epochId);
    // It may have stopped being one while the beat was under way.
    if (!asMember?.isLoaded || asMember !== joined) return;
    if (follower.positionIn(epochId) >= tail) renew(sentAt);
    else
      awaited = [...awaited.filter((other) => elapsedSince(other.sentAt, clock) < length), { tail, sentAt }];
  };

  /** Beats once. Answers whether to beat again at once, as the epoch has ended. */
  const beat = async (): Promise<boolean> => {
    // It may have been given too much by others than the stream, while Redis was away.
    giveUpIfOverfull();
    const state = await epoch.get();
    const { id } = state;
    if (!log && !state.filled) return awaitFilled(id);
    const membership = joined?.epochId === id ? joined : join(state);
    const hasLapsed = !reach.holds;
    if (hasLapsed) {
      // Nothing is renewed by this one: it only asks whether it is worth while to catch up.
      if ((await stream.probe(id)) === 'STALE') return epochEnded(id);
      await catchUp();
    }
    const position = follower.positionIn(id);
    // Who has fallen behind for a whole lease relies on nothing, and leaves the roll: the others wait for it no more.
    const isUpToDate = current.holds || position >= tail;
    const asMember = membership.isLoaded && isUpToDate ? membership : undefined;
    const sentAt = momentOf(clock);
    const answer = asMember
      ? await stream.beat(id, { node: membership.node, position, tokenTtl })
      : await stream.probe(id);
    if (answer === 'STALE') return epochEnded(id);
    // The lease ran out while the beat was under way: there is something to catch up with before the next one counts.
    if (!reach.holds && !hasLapsed) return true;
    if (!stopped) counted(asMember, id, sentAt, answer);
    availability.worked();
    return false;
  };

  /** For one that can load from the stream alone: a stream that is not filled yet would call revoked tokens good. */
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
        else logger.error({ err: error }, 'A heartbeat met an unexpected fault.');
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
    lookUp(token) {
      const { exp, iat } = token.claims;
      if (!current.holds || view.isOverfull || exp - iat > coveredTtl) return undefined;
      return view.lookUp(token);
    },
    knownRevocation: (token) => view.lookUp(token),
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
      // Only now, when nothing is relied on and no beat can enter us again.
      if (joined) await stream.leave(joined.epochId, joined.node).catch(() => undefined);
    },
  };
}

function reasonOf(error: unknown): string {
  const { cause } = error as Error;
  return cause instanceof Error ? cause.message : 'unknown';
}
