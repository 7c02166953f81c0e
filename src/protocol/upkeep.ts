import { randomUUID } from 'node:crypto';
import type { Moment } from '../core/clock';
import { isUnavailable } from '../core/errors';
import { BEGINNING, type EpochState } from '../core/ports/log-stream';
import type { LoggedRevocation } from '../core/revocation';
import type { Lender } from './grants';
import { createStreamReading, type StreamReading } from './read-stream';
import { loadLiveLog } from './load';
import type { Joining, LiveLog, UpkeepOptions } from './upkeep-options';
import { createViewLease, type ViewLease } from './view-lease';

type State =
  | { readonly name: 'joining' | 'stopped' }
  | (Joining & { readonly name: 'listening' | 'loading' | 'following' | 'overfull' });

/** ms until the next load after one failed, or after one brought more than the view may hold. */
const RELOAD_DELAY = 1000;
const OVERFULL_DELAY = 300_000;

/**
 * Keeps the view up to date with the revocations of all nodes, and knows whether it is current. Its states:
 *
 * - `joining`: it follows no epoch. The next heartbeat joins one.
 * - `listening`: it follows the stream, but checks use no view.
 * - `loading`: it follows the stream, and loads the live log.
 * - `following`: everything has been loaded. The view is current while its lease holds, else it has lapsed. Only in this
 *   state does a heartbeat register the process, so that confirmations wait for it.
 * - `overfull`: the view was given more than it may hold. It was cleared, and waits until there may be less.
 * - `stopped`.
 *
 *     joining                        ── join ────────▶ loading (listening, if checks use no view)
 *     loading                        ── loaded ──────▶ following
 *     loading, following, overfull   ── giveUp ──────▶ overfull
 *     overfull                       ── after a while ▶ loading (joining, if only the stream can bring the log)
 *     any but stopped                ── gap ─────────▶ joining
 *     any but stopped                ── a new epoch ─▶ as from joining
 */
export class Upkeep {
  private state: State = { name: 'joining' };
  private hasJoined = false;
  /** ms; 0 until it is known */
  lease: number;
  /** How many revocations were published in the epoch, as far as is known. */
  private tail = 0;
  /** While it holds, the view is current. */
  private readonly viewLease: ViewLease;
  private readonly reading: StreamReading;

  /**
   * @param wake asks for a heartbeat at once: it has something to tell
   * @param longestTokenTtl answers the s that the token of any node may live
   */
  constructor(
    private readonly options: UpkeepOptions,
    private readonly wake: () => void,
    private readonly longestTokenTtl: () => number,
  ) {
    this.lease = options.lease ?? 0;
    this.viewLease = createViewLease(() => this.lease, options.clock);
    this.reading = createStreamReading({
      ...options,
      apply: options.take,
      tail: () => this.tail,
      onProgress: (entries) => this.progressed(entries),
      onGap: (epochId) => this.missed(epochId),
    });
  }

  get joined(): Joining | undefined {
    return 'node' in this.state ? this.state : undefined;
  }

  get isCurrent(): boolean {
    return this.viewLease.holds && !this.options.view.isOverfull;
  }

  /** How many revocations of the epoch have been applied; -1 if that is not known. */
  get position(): number {
    return this.joined ? this.reading.positionIn(this.joined.epochId) : -1;
  }

  /** Revocations that are published and not applied yet. */
  get lag(): number {
    return this.position < 0 ? 0 : Math.max(0, this.tail - this.position);
  }

  /**
   * The joining that a heartbeat registers now. A node that has been behind for a whole lease has no current view. It
   * registers nothing, so it is removed as silent, and no confirmation waits for it.
   */
  get toRegister(): Joining | undefined {
    const isUpToDate = this.viewLease.holds || this.position >= this.tail;
    return this.state.name === 'following' && isUpToDate ? this.state : undefined;
  }

  join(epoch: EpochState): void {
    const { log, reopen, usesView, followers } = this.options;
    const { id, cursor, tail } = epoch;
    const joining: Joining = { epochId: id, node: randomUUID() };
    this.viewLease.forgetTails();
    this.tail = tail;
    if (this.hasJoined) reopen();
    this.hasJoined = true;
    this.lease = this.options.lease ?? epoch.lease ?? 0;
    // Nothing is taken back in a new epoch: what was granted ends with the lease of the old one, and until that has ended
    // nothing is confirmed fast in this one.
    followers?.ended();
    followers?.joined({ epoch: id, position: tail });
    // First follow, then load: a revocation made in between is then in both, not in neither.
    if (log || cursor === BEGINNING) this.reading.follow({ epochId: id, cursor, position: tail });
    else this.reading.follow({ epochId: id, cursor: BEGINNING, position: undefined });
    if (usesView) this.load(joining);
    else this.state = { ...joining, name: 'listening' };
  }

  /**
   * Counts an answered heartbeat.
   *
   * @param sentAt the moment before it was sent
   * @param registered what it registered; the joining may have ended while it was under way
   */
  answered(tail: number, sentAt: Moment, registered: Joining | undefined): void {
    this.tail = tail;
    if (registered && this.isAt(registered)) this.viewLease.answered({ tail, sentAt }, this.position);
  }

  giveUpIfOverfull(): void {
    const { view, usesView } = this.options;
    if (this.joined && usesView && view.isOverfull) this.giveUp(this.joined);
  }

  /** Gives up the view, and takes back what was granted from its lease. Answers what is still registered then. */
  async stop(): Promise<Joining | undefined> {
    const { joined } = this;
    this.state = { name: 'stopped' };
    this.viewLease.end();
    this.reading.stop();
    if (joined) await this.options.followers?.left(joined.node);
    return joined;
  }

  private isAt({ node }: Joining): boolean {
    return this.joined?.node === node;
  }

  private load(joining: Joining): void {
    const { log } = this.options;
    // Without Postgres everything comes by the stream: the view is current when that has been applied.
    this.state = { ...joining, name: log ? 'loading' : 'following' };
    if (log) void this.loadFrom(log, joining);
  }

  private async loadFrom(log: LiveLog, joining: Joining): Promise<void> {
    const { logger } = this.options;
    const isWanted = () => this.isAt(joining);
    try {
      const isWhole = await loadLiveLog({ ...this.options, log, isWanted });
      if (!isWanted()) return;
      if (!isWhole) {
        this.giveUp(joining);
        return;
      }
      this.state = { ...joining, name: 'following' };
      const place = { epoch: joining.epochId, position: this.position };
      this.options.followers?.loaded(joining.node, place, this.lenderIn(joining));
      this.wake();
    } catch (error) {
      if (!isUnavailable(error)) logger.error({ err: error }, 'The live revocations could not be loaded.');
      after(RELOAD_DELAY, () => {
        if (isWanted()) void this.loadFrom(log, joining);
      });
    }
  }

  /** Grants parts of the lease of the view: not of the reach to Redis, which also holds while the view lacks something. */
  private lenderIn(joining: Joining): Lender {
    const { longestTokenTtl } = this;
    return {
      left: () => (this.isAt(joining) && this.isCurrent ? this.viewLease.left : 0),
      get longestTokenTtl() {
        return longestTokenTtl();
      },
      onRisen: () => {
        if (this.isAt(joining)) this.wake();
      },
    };
  }

  private giveUp(from: Joining): void {
    const { view, logger, log, followers } = this.options;
    this.leave(from);
    followers?.joined({ epoch: from.epochId, position: this.position });
    view.clear();
    // A new joining: the view has lost part of what a load under way brought.
    const joining: Joining = { epochId: from.epochId, node: randomUUID() };
    this.state = { ...joining, name: 'overfull' };
    logger.warn(
      { retryIn: OVERFULL_DELAY },
      'There are more live revocations than REVOCATION_VIEW_LIMIT allows. Tokens are checked in Redis until there are fewer.',
    );
    after(OVERFULL_DELAY, () => {
      if (!this.isAt(joining)) return;
      if (log) this.load(joining);
      // Only the stream's beginning brings back what the view has lost, as at the first joining.
      else this.state = { name: 'joining' };
    });
  }

  private leave({ epochId, node }: Joining): void {
    const { stream, followers } = this.options;
    // First the view, then what was granted from its lease, then the registration: no confirmation waits for a node that is
    // not registered, nor for its followers. Meanwhile the node may join again: under another name, so this entry stays.
    this.viewLease.end();
    const takenBack = followers?.left(node) ?? Promise.resolve();
    takenBack.then(() => stream.leave(epochId, node)).catch(() => undefined);
  }

  /** The stream has been applied up to a new position. */
  private progressed(entries: readonly LoggedRevocation[]): void {
    const { followers } = this.options;
    this.viewLease.applied(this.position);
    followers?.read(entries, this.position);
    this.giveUpIfOverfull();
    // Confirmations wait for this position. With followers, it is told when the last of them has it.
    if (this.state.name === 'following' && (followers?.hasRisen ?? true)) this.wake();
  }

  /** The stream has a gap: something that was published is missing. */
  private missed(epochId: string): void {
    if (this.joined) this.leave(this.joined);
    // Joined again with the next heartbeat, not at once: while reads and writes go to different servers, every read
    // shows a gap.
    this.state = { name: 'joining' };
    this.options.epoch.ended(epochId);
  }
}

const after = (delay: number, work: () => void): NodeJS.Timeout => setTimeout(work, delay).unref();
