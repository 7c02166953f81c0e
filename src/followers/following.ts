import type { Clock } from '../core/clock';
import type { FollowerMessage } from '../core/follow-messages';
import type { Logger } from '../core/ports/logger';
import type { Metrics } from '../core/ports/metrics';
import type { LoggedRevocation } from '../core/revocation';
import type { Follower, FollowerConnection, Followers, Start } from '../protocol/followers';
import { Arrears } from './arrears';
import type { EntriesText } from './entries-text';
import type { Harm } from './harm';
import type { FollowerLimits } from './limits';
import type { Line } from './line';
import { sendSnapshot } from './snapshot';
import type { Wire } from './wire';

export interface FollowingOptions {
  readonly wire: Wire;
  readonly followers: Followers;
  /** The address block of the follower. */
  readonly block: string;
  readonly limits: FollowerLimits;
  /** Where snapshots wait for their turn. */
  readonly line: Line;
  readonly harm: Harm;
  readonly textOf: EntriesText;
  readonly clock: Pick<Clock, 'monotonic'>;
  readonly logger: Logger;
  readonly metrics: Pick<Metrics, 'granted' | 'followerDropped'>;
}

/**
 * The connection of one follower, from its handshake to its end. First it joins. Then the node begins, sends what its view
 * holds, and says that this was all. From then on the follower's heartbeats are answered. The node begins again with each
 * joining of its own.
 */
export class Following implements FollowerConnection {
  private follower: Follower | undefined;
  /** What the follower stands on. */
  private start: Start | undefined;
  /** The node's position that was sent last. */
  private position = 0;
  private isLoaded = false;
  private hasSaidFarewell = false;
  private leaveLine: (() => void) | undefined;
  private readonly arrears: Arrears;

  constructor(private readonly options: FollowingOptions) {
    const { wire, limits, clock } = options;
    this.arrears = new Arrears(clock);
    const joinTimer = setTimeout(() => {
      if (!this.follower) wire.close('NOT_JOINED');
    }, limits.joinTimeout).unref();
    wire.onMessage((message) => this.take(message));
    wire.onceClosed((why) => {
      clearTimeout(joinTimer);
      this.leaveLine?.();
      if (this.hasSaidFarewell) return;
      this.follower?.lost();
      options.metrics.followerDropped(why);
      options.logger.debug({ address: options.block, why }, 'A service that follows this node is gone.');
    });
  }

  /** Begins anew, on a joining of the node. */
  begin(start: Start): void {
    const { wire, followers, line, block } = this.options;
    const { joining, epoch, position, missed } = start;
    const { sweptUntil, asOf } = followers;
    const stoodAt = this.position;
    this.leaveLine?.();
    this.leaveLine = undefined;
    this.start = start;
    this.isLoaded = false;
    this.position = position;
    this.arrears.begin(position);
    const way = missed ? 'on' : 'snapshot';
    wire.send({ type: 'begin', joining, epoch, position, way, sweptUntil, asOf });
    if (missed) {
      for (const text of this.options.textOf(missed, position, stoodAt)) wire.sendText(text);
      this.loaded(start);
      return;
    }
    this.leaveLine = line.join(block, () => void this.sendAll(start));
  }

  send(entries: readonly LoggedRevocation[], position: number): void {
    const { wire, textOf } = this.options;
    for (const text of textOf(entries, position, this.position)) wire.sendText(text);
    this.position = position;
    if (this.isLoaded) this.arrears.sent(position);
  }

  takeBack(joining: string): void {
    this.options.wire.send({ type: 'take-back', joining });
  }

  ranOutOwing(): void {
    this.noteHarm();
  }

  /** Asks the follower to move to another node. */
  leave(): void {
    this.options.wire.send({ type: 'leaving' });
  }

  /** Looks whether its acks are too late: also called by a timer, since it may send none. */
  judge(): void {
    if (this.arrears.areTooLate()) this.noteHarm();
  }

  private take(message: FollowerMessage): void {
    const { wire } = this.options;
    const { follower } = this;
    if (message.type === 'join') {
      if (follower) wire.close('MALFORMED');
      else this.join(message.epoch, message.position);
      return;
    }
    if (!follower) {
      wire.close('MALFORMED');
      return;
    }
    switch (message.type) {
      case 'beat':
        this.answer(follower, message);
        return;
      case 'ack':
        this.acknowledged(message);
        follower.ack(message.joining, message.position);
        return;
      case 'returned':
        follower.returned(message.joining);
        return;
      case 'farewell':
        this.hasSaidFarewell = true;
        follower.farewell();
        wire.end();
    }
  }

  private join(epoch: string | undefined, position: number | undefined): void {
    const { wire, followers } = this.options;
    wire.send({ type: 'welcome', database: followers.databaseId, lease: followers.lease });
    const from = epoch === undefined || position === undefined ? undefined : { epoch, position };
    this.position = position ?? 0;
    this.follower = followers.join(this, from);
  }

  private answer(follower: Follower, beat: FollowerMessage & { readonly type: 'beat' }): void {
    const { wire, harm, block, metrics } = this.options;
    this.acknowledged(beat);
    const grant = follower.beat(beat.number, beat.joining, beat.position, !harm.isBanned(block));
    this.arrears.granted(grant.grant);
    metrics.granted(grant.reason ?? 'GRANTED');
    wire.send({ type: 'grant', ...grant });
  }

  private acknowledged({ joining, position }: { readonly joining: string; readonly position: number }): void {
    if (joining === this.start?.joining) this.arrears.acked(position);
    this.judge();
  }

  private async sendAll(start: Start): Promise<void> {
    const { wire, followers, limits, logger } = this.options;
    const isWanted = () => this.start === start;
    try {
      const entries = followers.snapshot();
      if (await sendSnapshot({ wire, entries, limits, isWanted })) this.loaded(start);
    } catch (error) {
      logger.error({ err: error }, 'Unexpected error in sending the view to a service.');
      wire.cut('LOST');
    } finally {
      if (isWanted()) this.leaveLine?.();
    }
  }

  private loaded(start: Start): void {
    const { wire, followers } = this.options;
    if (this.start !== start) return;
    const position = this.follower?.loaded(start.joining);
    if (position === undefined) return;
    this.isLoaded = true;
    this.arrears.begin(position);
    const { sweptUntil, asOf } = followers;
    wire.send({ type: 'loaded', joining: start.joining, position, sweptUntil, asOf });
  }

  private noteHarm(): void {
    const { harm, block, logger } = this.options;
    const ban = harm.note(block);
    if (ban === undefined) return;
    logger.warn(
      { address: block, seconds: ban / 1000 },
      'Services at this address have delayed logouts three times in ten minutes. They get no leases for a while, and use ' +
        'introspection. See whether one of them is overloaded or stops without a call to close its guard.',
    );
  }
}
