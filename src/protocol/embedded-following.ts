import { randomUUID } from 'node:crypto';
import type { Clock } from '../core/clock';
import type { ConfirmationWay } from '../core/ports/metrics';
import type { LoggedRevocation } from '../core/revocation';
import type { FollowersOfView } from './followers';
import { outlasting } from './lease';

export interface EmbeddedFollowingOptions {
  readonly followers: FollowersOfView;
  readonly clock: Clock;
  /** ms */
  readonly lease: number;
  /** s; the longest life of an access token */
  readonly tokenTtl: number;
  /**
   * ms from now after which everything that an earlier process on this database granted is over. That process may have
   * crashed, and its followers need not have noticed.
   */
  readonly settleTime: number;
}

/** A call of `publish`. */
interface Waiting {
  /** The number of the last revocation that was taken in before. */
  readonly goal: number;
  /** When, by the monotonic clock. */
  readonly takenAt: number;
  readonly resolve: (way: ConfirmationWay) => void;
}

/** What lets services follow the only process that there is. No stream numbers its revocations, so it does. */
export class EmbeddedFollowing {
  /** ms after which a grant has ended, by any clock. */
  private readonly wait: number;
  /** ms by the monotonic clock. */
  private readonly settledAt: number;
  private joining: string | undefined;
  private position = 0;
  /** What was numbered last, and not handed over yet. */
  private numbered: LoggedRevocation[] = [];
  /** Joinings that were given up, and whose grants are not over. */
  private leaving = 0;
  private readonly waiting = new Set<Waiting>();
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly options: EmbeddedFollowingOptions) {
    this.wait = outlasting(options.lease);
    this.settledAt = options.clock.monotonic() + options.settleTime;
  }

  /** Numbers what the view has taken in, and hands it to the followers soon. */
  took(entry: LoggedRevocation): void {
    this.position += 1;
    // Nobody follows before the log is loaded, and then each gets a snapshot.
    if (this.joining === undefined) return;
    if (this.numbered.push(entry) === 1) queueMicrotask(() => this.handOver());
  }

  /**
   * The log is loaded.
   *
   * @param isCurrent whether the view is current
   */
  loaded(isCurrent: () => boolean): void {
    const { followers, lease, tokenTtl: longestTokenTtl } = this.options;
    if (this.joining !== undefined) return;
    this.joining = randomUUID();
    // Another epoch at each load: the numbers of an earlier process, or of a view that was given up, say nothing about what
    // this load brought.
    const place = { epoch: this.joining, position: this.position };
    const left = () => (isCurrent() ? lease : 0);
    followers.joined(place);
    followers.loaded(this.joining, place, { left, longestTokenTtl, onRisen: () => this.look() });
  }

  /** The view was given up. Resolves when no follower relies on it any more. */
  async left(): Promise<void> {
    if (this.joining === undefined) return;
    const takenBack = this.options.followers.left(this.joining);
    this.joining = undefined;
    this.numbered = [];
    // No list of nodes names what is not returned yet, so nothing is confirmed fast until it is.
    this.leaving += 1;
    await takenBack;
    this.leaving -= 1;
    this.look();
  }

  /**
   * Resolves once what the view has taken in by now is in force for all followers too. `committed`: there are none.
   * `applied`: they have it. `outwaited`: everything that was granted before is over.
   */
  publish(): Promise<ConfirmationWay> {
    // First into the view and to the followers, then the look at who holds a grant. In the other order, a follower that is
    // granted something in between would be missed.
    this.handOver();
    const isFree = this.leaving === 0 && this.options.followers.isFree;
    if (isFree && this.isSettled) return Promise.resolve('committed');
    return new Promise((resolve) => {
      this.waiting.add({ goal: this.position, takenAt: this.options.clock.monotonic(), resolve });
      this.look();
    });
  }

  private handOver(): void {
    const entries = this.numbered;
    this.numbered = [];
    if (entries.length > 0) this.options.followers.read(entries, this.position);
  }

  /** After a crash and a quick restart, followers hold grants that this process knows nothing of. */
  private get isSettled(): boolean {
    return this.options.clock.monotonic() >= this.settledAt;
  }

  private wayOf({ goal, takenAt }: Waiting): ConfirmationWay | undefined {
    if (!this.isSettled) return undefined;
    // Slow. A follower that lacks it was granted something before it was taken in, which is over. What is granted later
    // counts only with it. So a follower whose grants are renewed cannot hold it up, whatever position it tells.
    if (this.options.clock.monotonic() - takenAt >= this.wait) return 'outwaited';
    return this.leaving === 0 && (this.options.followers.report() ?? goal) >= goal ? 'applied' : undefined;
  }

  private look(): void {
    clearTimeout(this.timer);
    for (const each of this.waiting) {
      const way = this.wayOf(each);
      if (!way) continue;
      this.waiting.delete(each);
      each.resolve(way);
    }
    const [first] = this.waiting;
    if (!first) return;
    const next = this.isSettled ? first.takenAt + this.wait : this.settledAt;
    // It keeps the process alive: somebody waits for the answer.
    this.timer = setTimeout(() => this.look(), next - this.options.clock.monotonic() + 1);
  }
}
