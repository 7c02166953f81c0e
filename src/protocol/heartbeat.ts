import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Availability } from '../core/availability';
import { type Moment, momentOf } from '../core/clock';
import { isUnavailable } from '../core/errors';
import { createLoop, type Loop } from '../core/loop';
import type { Beat } from '../core/ports/log-stream';
import { type Question, stale, type ViewSource } from '../core/ports/source';
import { createHeal } from './heal';
import { createLease, type Lease } from './lease';
import { watchPunctuality } from './punctuality';
import type { RecordsGate } from './records-gate';
import { Upkeep } from './upkeep';
import type { Joining, UpkeepOptions } from './upkeep-options';

export interface HeartbeatOptions extends UpkeepOptions {
  /** Whether the records may be read, for a process that also asks Postgres. */
  readonly gate?: RecordsGate;
  readonly availability: Availability;
  /** s; the longest life of an access token that this process issues; 0 if it issues none */
  readonly tokenTtl: number;
}

/** A heartbeat that was sent. */
interface SentBeat {
  readonly epochId: string;
  /** The moment before it was sent. */
  readonly sentAt: Moment;
  /** What it registered, if anything. */
  readonly registered: Joining | undefined;
}

/**
 * Heartbeats per lease. More than two, so that one that is lost does not end it: the one after it is sent when 10/11 of
 * the lease are over. Its answer, which usually takes a millisecond, has the last eleventh. An answer that is only late may
 * take almost half a lease. Each heartbeat costs Redis four commands. A third one would help only if two in a row are
 * lost. No promise depends on this: without a lease, checks ask Redis or Postgres.
 */
const BEATS = 2.2;

/** ms between two heartbeats while the fleet's lease is not known yet. */
const WAITING_INTERVAL = 300;

/** ms between two looks whether the view is current again. */
const LOOK_INTERVAL = 5;

/**
 * Sends the heartbeats of this process. Each one says how far it has applied the stream, and is answered the tail. When
 * it has applied the stream up to that tail, the view is current for one lease, counted from before the heartbeat was
 * sent. A revocation is confirmed when every registered node has applied it, or when every lease from before is over.
 *
 * A process that has nothing to register sends a probe instead. Both prove that it reaches Redis.
 */
class Heartbeat implements ViewSource {
  readonly step = 'view';
  private readonly upkeep: Upkeep;
  /** While it holds, this process reaches the Redis where the revocations of all nodes are published. */
  private readonly redisLease: Lease;
  private reachedEpoch: string | undefined;
  /** s; the longest life of an access token of any node: revocations of older tokens may be missing in the view. */
  private coveredTtl = 0;
  private readonly heal: ((epochId: string) => void) | undefined;
  private readonly beats: Loop;
  private nextBeat: NodeJS.Timeout | undefined;
  private readonly punctuality = watchPunctuality(() => this.interval);
  private stopped = false;

  constructor(private readonly options: HeartbeatOptions) {
    const { stream, log, clock, logger } = options;
    this.beats = createLoop(() => this.beatAndPlanNext());
    this.upkeep = new Upkeep(
      options,
      () => this.beats.wake(),
      () => this.coveredTtl,
    );
    this.redisLease = createLease(() => this.upkeep.lease, clock);
    this.heal = log && createHeal({ stream, log, node: randomUUID(), logger });
  }

  start(): void {
    this.beats.wake();
  }

  find({ token }: Pick<Question, 'token'>) {
    const { exp, iat } = token.claims;
    const found = this.options.view.lookUp(token);
    return this.upkeep.isCurrent && exp - iat <= this.coveredTtl ? found : stale(found);
  }

  get readableEpoch() {
    return (this.options.gate?.isOpen ?? true) && this.reachesRedis() ? this.reachedEpoch : undefined;
  }

  get state() {
    return {
      isCurrent: this.upkeep.isCurrent,
      size: this.options.view.size,
      lag: this.upkeep.lag,
      reachesRedis: this.reachesRedis(),
    };
  }

  async resume(patience: number) {
    if (!this.punctuality.isLate || this.stopped) return;
    const begunAt = performance.now();
    // A request may come before the timer of the heartbeat.
    this.beats.wake();
    while (!this.upkeep.isCurrent && performance.now() - begunAt < patience) await sleep(LOOK_INTERVAL);
  }

  async stop() {
    this.stopped = true;
    const takenBack = this.upkeep.stop();
    this.redisLease.end();
    await this.beats.stop();
    clearTimeout(this.nextBeat);
    const left = await takenBack;
    // Last, when no heartbeat under way can register this node again.
    if (left) await this.options.stream.leave(left.epochId, left.node).catch(() => undefined);
  }

  private async beatAndPlanNext(): Promise<void> {
    const { availability, logger } = this.options;
    clearTimeout(this.nextBeat);
    // Not by the clock that was handed in, which may fail: timers do not follow it.
    const begunAt = performance.now();
    this.punctuality.begun();
    try {
      if (await this.beat()) this.beats.wake();
    } catch (error) {
      if (isUnavailable(error)) availability.failed(reasonOf(error));
      else logger.error({ err: error }, 'Unexpected error in a heartbeat.');
    }
    // From the beginning, since the lease is counted from there too: a slow answer leaves less time for the next one.
    const rest = Math.max(0, this.interval - (performance.now() - begunAt));
    this.punctuality.planned(rest);
    this.nextBeat = setTimeout(() => this.beats.wake(), rest).unref();
  }

  /** ms between the beginnings of two heartbeats. */
  private get interval(): number {
    const { lease } = this.upkeep;
    return lease > 0 ? lease / BEATS : WAITING_INTERVAL;
  }

  /** What Redis may be told: what this process and its followers have applied. Its own lease needs only its own position. */
  private get reportable(): number {
    return this.options.followers?.report() ?? this.upkeep.position;
  }

  /** Sends one heartbeat. Answers whether the next one is due at once: an epoch has ended, or the lease meanwhile. */
  private async beat(): Promise<boolean> {
    const { epoch, log, stream, clock, tokenTtl, availability } = this.options;
    // While Redis was away, the view may have got too much from this process's own revocations, or from the poll.
    this.upkeep.giveUpIfOverfull();
    const state = await epoch.get();
    if (this.stopped) return false;
    const { id } = state;
    if (!log && !state.filled) return this.awaitFilled(id);
    if (this.upkeep.joined?.epochId !== id) this.upkeep.join(state);
    const wasAway = !this.reachesRedis();
    if (wasAway) {
      // This probe renews nothing. It only tells whether Redis can be reached, so that catching up is of use.
      if ((await stream.probe(id)) === 'STALE') return this.epochEnded(id);
      await this.catchUp();
    }
    const registered = this.upkeep.toRegister;
    const sentAt = momentOf(clock);
    const answer = registered
      ? await stream.beat(id, { node: registered.node, position: this.reportable, tokenTtl })
      : await stream.probe(id);
    if (answer === 'STALE') return this.epochEnded(id);
    // The lease ended while the heartbeat was under way, so catch up before the next one counts.
    if (!wasAway && !this.reachesRedis()) return true;
    this.count(answer, { epochId: id, sentAt, registered });
    availability.worked();
    return false;
  }

  private count(answer: Beat, { epochId, sentAt, registered }: SentBeat): void {
    if (this.stopped) return;
    const { view, usesView } = this.options;
    this.redisLease.renew(sentAt);
    this.reachedEpoch = epochId;
    this.coveredTtl = answer.longestTokenTtl;
    view.noteAsOf(answer.asOf);
    if (!answer.filled && (registered ?? !usesView)) this.heal?.(epochId);
    this.upkeep.answered(answer.tail, sentAt, registered);
  }

  /** For a process without Postgres: from a stream that is not filled, its view would call revoked tokens good. */
  private async awaitFilled(epochId: string): Promise<boolean> {
    const { stream, availability } = this.options;
    const answer = await stream.probe(epochId);
    availability.worked();
    return (answer === 'STALE' || answer.filled) && this.epochEnded(epochId);
  }

  /**
   * Loads unconfirmed revocations after a time without Redis. Meanwhile tokens were checked in Postgres. A token that was
   * refused there must not be accepted by the view, although its revocation is not published yet.
   */
  private async catchUp(): Promise<void> {
    const { gate, log, take, takeEarly = take } = this.options;
    gate?.close();
    try {
      await log?.eachUnconfirmed((entries) => {
        for (const entry of entries) takeEarly(entry);
        return Promise.resolve(!this.stopped);
      });
    } catch (error) {
      // Postgres is away. The stream has everything that is confirmed, which is all that is promised.
      if (!isUnavailable(error)) throw error;
    }
  }

  private epochEnded(epochId: string): true {
    this.options.epoch.ended(epochId);
    return true;
  }

  private reachesRedis(): boolean {
    return this.redisLease.holds;
  }
}

/** Starts this process's part in the lease protocol (docs/protocol.md). */
export function startHeartbeat(options: HeartbeatOptions): ViewSource {
  const heartbeat = new Heartbeat(options);
  heartbeat.start();
  return heartbeat;
}

function reasonOf(error: unknown): string {
  const { cause } = error as Error;
  return cause instanceof Error ? cause.message : 'unknown';
}
