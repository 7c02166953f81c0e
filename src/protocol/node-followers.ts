import type { Clock } from '../core/clock';
import { MOST_ENTRIES } from '../core/follow-messages';
import type { LoggedRevocation } from '../core/revocation';
import type {
  Follower,
  FollowerConnection,
  Followers,
  FollowersOfView,
  FollowersState,
  Grant,
  Place,
} from './followers';
import { Grants, type Holder, type Lender } from './grants';
import { createRecent, type Recent } from './recent';
import type { View } from './view';

export interface NodeFollowersOptions {
  readonly databaseId: string;
  /** ms */
  readonly lease: number;
  readonly view: Pick<View, 'entries' | 'sweptUntil' | 'asOf'>;
  readonly clock: Clock;
}

/** A joining of the node whose load is done. */
interface Tenure {
  readonly joining: string;
  readonly epoch: string;
  readonly grants: Grants;
  readonly lender: Lender;
}

/** What a follower was granted in one joining of the node. */
interface Standing {
  readonly grants: Grants;
  readonly holder: Holder;
}

/** A follower that is connected. */
class ConnectedFollower implements Follower {
  /** By joining. There may be an earlier one, whose grants the node takes back while it has joined again. */
  private readonly standings = new Map<string, Standing>();

  constructor(
    private readonly followers: Pick<NodeFollowers, 'tenure' | 'asOf' | 'disconnected'>,
    readonly connection: FollowerConnection,
  ) {}

  /** @param from where it stood, if it may go on from there */
  begin({ joining, epoch, grants }: Tenure, recent: Recent, from?: Place): void {
    for (const [name, standing] of this.standings)
      if (standing.grants.size === 0) this.standings.delete(name);
    this.standings.set(joining, { grants, holder: grants.enter(this.connection) });
    const missed = from?.epoch === epoch ? recent.after(from.position) : undefined;
    this.connection.begin({ joining, epoch, position: grants.position, ...(missed && { missed }) });
  }

  /** Sends to it, if it has begun with the joining. */
  send(joining: string, entries: readonly LoggedRevocation[], position: number): void {
    if (this.standings.has(joining)) this.connection.send(entries, position);
  }

  loaded(joining: string): number | undefined {
    const standing = this.standings.get(joining);
    if (!standing || this.followers.tenure?.joining !== joining) return undefined;
    standing.holder.hasLoaded = true;
    return standing.grants.position;
  }

  beat(number: number, joining: string, position: number, mayHold = true): Grant {
    const standing = this.standings.get(joining);
    const { tenure, asOf } = this.followers;
    const granted = standing?.grants.beat(standing.holder, position, mayHold) ?? {
      grant: 0,
      reason: 'NOT_CURRENT',
    };
    return {
      number,
      joining,
      ...granted,
      tail: standing?.grants.position ?? 0,
      longestTokenTtl: tenure?.lender.longestTokenTtl ?? 0,
      asOf,
    };
  }

  // A position of an earlier joining is found with that one, and says nothing in this.
  ack(joining: string, position: number): void {
    const standing = this.standings.get(joining);
    standing?.grants.ack(standing.holder, position);
  }

  returned(joining: string): void {
    const standing = this.standings.get(joining);
    standing?.grants.giveBack(standing.holder);
  }

  farewell(): void {
    for (const { grants, holder } of this.standings.values()) grants.giveBack(holder);
    // So that nothing is granted after it.
    this.standings.clear();
    this.followers.disconnected(this);
  }

  lost(): void {
    for (const { grants, holder } of this.standings.values()) grants.lose(holder);
    this.followers.disconnected(this);
  }
}

/**
 * The services that follow this node. Each holds a part of the node's lease, so the node reports a position only when they
 * have applied it too, and gives up its place among the nodes only when they hold nothing.
 */
export class NodeFollowers implements Followers, FollowersOfView {
  private readonly connected = new Set<ConnectedFollower>();
  /** All joinings with grants that may not be over; the last one may go on. */
  private readonly all = new Map<string, Grants>();
  private current: Tenure | undefined;
  private recent: Recent = createRecent(0);
  private stopped = false;

  constructor(private readonly options: NodeFollowersOptions) {}

  get databaseId() {
    return this.options.databaseId;
  }

  get lease() {
    return this.options.lease;
  }

  get sweptUntil() {
    return this.options.view.sweptUntil;
  }

  get asOf() {
    return Math.ceil(this.options.view.asOf);
  }

  get tenure(): Tenure | undefined {
    return this.current;
  }

  get state(): FollowersState {
    let grants = 0;
    for (const { size } of this.all.values()) grants += size;
    return { connected: this.connected.size, grants, lag: this.current?.grants.lag ?? 0 };
  }

  snapshot() {
    return this.options.view.entries();
  }

  join(connection: FollowerConnection, from?: Place): Follower {
    const follower = new ConnectedFollower(this, connection);
    this.connected.add(follower);
    // Not yet, since the caller has no follower to call.
    queueMicrotask(() => {
      if (this.current && this.connected.has(follower)) follower.begin(this.current, this.recent, from);
    });
    return follower;
  }

  disconnected(follower: ConnectedFollower): void {
    this.connected.delete(follower);
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await Promise.all([...this.all.values()].map((grants) => grants.close()));
  }

  joined({ position }: Place): void {
    // What was taken in before is forgotten. After a gap the node has from Postgres what no stream brings, so nobody may go
    // on from before it.
    this.recent = createRecent(position);
  }

  loaded(joining: string, { epoch, position }: Place, lender: Lender): void {
    const { lease, clock } = this.options;
    const grants = new Grants({ joining, position, lender, lease, clock });
    if (this.stopped) void grants.close();
    this.all.set(joining, grants);
    this.current = { joining, epoch, grants, lender };
    // Each begins anew with a snapshot, in the same epoch too: what the node lacked until this load, they lack.
    for (const follower of this.connected) follower.begin(this.current, this.recent);
  }

  took(entry: LoggedRevocation): void {
    this.recent.took(entry);
    this.send([entry]);
  }

  read(entries: readonly LoggedRevocation[], position: number): void {
    for (const entry of entries) this.recent.read(entry);
    for (let from = 0; from < entries.length; from += MOST_ENTRIES) {
      const part = entries.slice(from, from + MOST_ENTRIES);
      this.current?.grants.moved(position - entries.length + from + part.length);
      this.send(part);
    }
  }

  async left(joining: string): Promise<void> {
    if (this.current?.joining === joining) this.current = undefined;
    await this.all.get(joining)?.close();
    this.all.delete(joining);
  }

  ended(): void {
    if (!this.current) return;
    this.current.grants.end();
    this.all.delete(this.current.joining);
    this.current = undefined;
  }

  get hasRisen(): boolean {
    return this.current?.grants.hasRisen ?? true;
  }

  get isFree(): boolean {
    return (this.current?.grants.size ?? 0) === 0;
  }

  report(): number | undefined {
    return this.current?.grants.report();
  }

  private send(entries: readonly LoggedRevocation[]): void {
    if (!this.current) return;
    const { joining, grants } = this.current;
    for (const follower of this.connected) follower.send(joining, entries, grants.position);
  }
}
