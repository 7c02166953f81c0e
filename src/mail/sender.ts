import { setTimeout as sleep } from 'node:timers/promises';
import type { Availability } from '../core/availability';
import { background } from '../core/background';
import { type Clock, elapsedSince, type Moment, momentOf } from '../core/clock';
import type { LinkLifetimes } from '../core/link';
import { createLoop, every } from '../core/loop';
import type { Logger } from '../core/ports/logger';
import type {
  ClaimedMail,
  MailMessage,
  MailSender,
  MailTransport,
  Outbox,
  Sending,
} from '../core/ports/mails';
import type { Metrics } from '../core/ports/metrics';
import { isMailbox, isMoot, longestWait } from './compose';

export interface SenderOptions {
  readonly outbox: Outbox;
  readonly transport: MailTransport;
  /** Throws if the mail cannot be made now. */
  readonly compose: (mail: ClaimedMail) => MailMessage;
  readonly lifetimes: LinkLifetimes;
  readonly clock: Clock;
  readonly metrics: Pick<Metrics, 'mailSent' | 'mailRetried' | 'mailGivenUp'>;
  readonly logger: Logger;
  /** Told whether the mail server can be reached. */
  readonly availability: Availability;
  /** 0 to 1 */
  readonly random?: () => number;
}

/** ms; no other node sends a claimed mail until then. An attempt ends well before. */
export const LEASE = 120_000;
const LONGEST_ATTEMPT = 60_000;

/** Mails that a node sends at once. */
const MOST_AT_ONCE = 4;

/** ms between two looks into the outbox, for what other nodes left, and what is due again. */
const LOOK_INTERVAL = 5000;
const FIRST_LOOK = 500;

/**
 * ms; the sender looks after a random part of this time. Otherwise the time of the next request would tell whether a
 * mail was sent.
 */
const LONGEST_WAKE = 300;

/** ms between two attempts at a mail: doubled each time, up to an hour or a tenth of the time that it has. */
const FIRST_DELAY = 5000;
const LONGEST_DELAY = 3_600_000;

/** ms between two attempts to reach the mail server. Mails wait for it meanwhile, and cost nothing. */
const LONGEST_PAUSE = 60_000;

/** ms for which a stop waits for attempts under way. */
const PATIENCE = 5000;

const doubled = (times: number, longest: number) => Math.min(longest, FIRST_DELAY * 2 ** Math.min(times, 20));

/** How many mails may be under way in each state. */
const PLACES = { ready: MOST_AT_ONCE, away: 0, probing: 1, stopped: 0 };

/**
 * Sends what is in the outbox. Its states:
 *
 * - `ready`: sends several mails at once. `away` when the mail server cannot be reached.
 * - `away`: claims nothing until the pause is over, then is `probing`.
 * - `probing`: tries one mail. `ready` if the mail server answers, else `away` for longer.
 * - `stopped`: claims nothing. Attempts under way may end for a while; then they are cut off and left to their lease.
 */
class Sender implements MailSender {
  private state: keyof typeof PLACES = 'ready';
  private pauses = 0;
  private pausedUntil = 0;
  private wakeTimer: NodeJS.Timeout | undefined;
  private readonly underWay = new Set<Promise<void>>();
  private readonly attempts = new Set<AbortController>();
  /** Sent, but Postgres did not answer when they were to be removed. */
  private readonly unremoved = new Set<ClaimedMail>();
  private readonly random: () => number;
  private readonly loop;
  private readonly endLooks;

  constructor(private readonly options: SenderOptions) {
    this.random = options.random ?? Math.random;
    this.loop = createLoop(
      background(options.logger, 'The outbox of mails could not be read.', () => this.look()),
    );
    this.endLooks = every(LOOK_INTERVAL, () => this.loop.wake(), FIRST_LOOK);
  }

  wake(): void {
    this.wakeTimer ??= setTimeout(() => {
      this.wakeTimer = undefined;
      this.loop.wake();
    }, this.random() * LONGEST_WAKE).unref();
  }

  async stop(): Promise<void> {
    this.state = 'stopped';
    clearTimeout(this.wakeTimer);
    await this.endLooks();
    await this.loop.stop();
    const ended = new AbortController();
    const all = Promise.all(this.underWay).finally(() => ended.abort());
    await Promise.race([all, sleep(PATIENCE, undefined, { signal: ended.signal }).catch(() => undefined)]);
    for (const attempt of this.attempts) attempt.abort();
    await all;
  }

  private async look(): Promise<void> {
    const { outbox, clock } = this.options;
    for (const mail of this.unremoved) await this.remove(mail);
    if (this.state === 'away' && clock.monotonic() >= this.pausedUntil) this.state = 'probing';
    const places = PLACES[this.state] - this.underWay.size;
    if (places <= 0) return;
    const claimedAt = momentOf(clock);
    for (const mail of await outbox.claim(places, LEASE)) this.start(mail, claimedAt);
  }

  private start(mail: ClaimedMail, claimedAt: Moment): void {
    const work = background(this.options.logger, 'A mail could not be handled.', () =>
      this.handle(mail, claimedAt),
    );
    const running = work().finally(() => {
      this.underWay.delete(running);
      this.loop.wake();
    });
    this.underWay.add(running);
  }

  private async handle(mail: ClaimedMail, claimedAt: Moment): Promise<void> {
    const { clock, outbox } = this.options;
    if (isMoot(mail)) return outbox.remove(mail);
    if (this.isTooOld(mail)) return this.giveUp(mail, 'not sent in time');
    if (!isMailbox(mail.recipient)) return this.giveUp(mail, 'the recipient is no address');
    // This process was paused, and another node may have the mail by the end of the attempt.
    if (elapsedSince(claimedAt, clock) > LEASE - LONGEST_ATTEMPT) return;
    const sending = await this.attempt(mail);
    if (sending.sent) return this.sent(mail);
    // Cut off by `stop`, or ended meanwhile: the lease says when it is tried again.
    if (this.state === 'stopped') return;
    return this.failed(mail, sending);
  }

  private async attempt(mail: ClaimedMail): Promise<Sending> {
    const { compose, transport } = this.options;
    const controller = new AbortController();
    const timer = setTimeout(() => controller.abort(), LONGEST_ATTEMPT).unref();
    this.attempts.add(controller);
    try {
      return await transport.send(compose(mail), controller.signal);
    } catch (error) {
      return { sent: false, fault: 'temporary', reason: (error as Error).message };
    } finally {
      clearTimeout(timer);
      this.attempts.delete(controller);
    }
  }

  private async sent(mail: ClaimedMail): Promise<void> {
    const { logger, metrics } = this.options;
    this.reached();
    metrics.mailSent(mail.kind);
    logger.debug({ kind: mail.kind, mail: mail.id }, 'A mail was sent.');
    this.unremoved.add(mail);
    await this.remove(mail);
  }

  private async remove(mail: ClaimedMail): Promise<void> {
    await this.options.outbox.remove(mail);
    this.unremoved.delete(mail);
  }

  private failed(mail: ClaimedMail, { fault, reason }: Extract<Sending, { sent: false }>): Promise<void> {
    if (fault === 'away') return this.retry(mail, this.unreached(reason), reason);
    this.reached();
    if (fault === 'permanent') return this.giveUp(mail, reason);
    // It may have arrived twice by now. A third time would not tell more.
    if (fault === 'unanswered' && mail.unanswered)
      return this.giveUp(mail, `sent twice, no answer: ${reason}`);
    if (this.isTooOld(mail)) return this.giveUp(mail, reason);
    const longest = Math.min(LONGEST_DELAY, this.longestWait(mail) / 10);
    const delay = this.varied(doubled(mail.attempts - 1, longest));
    return this.retry(mail, delay, reason, fault === 'unanswered');
  }

  private retry(mail: ClaimedMail, delay: number, reason: string, unanswered = false): Promise<void> {
    const { logger, metrics, outbox } = this.options;
    const { kind, id, attempts } = mail;
    metrics.mailRetried(kind);
    logger.info({ kind, mail: id, attempts, reason }, 'A mail was not sent. It will be tried again.');
    return outbox.retry(mail, delay, unanswered);
  }

  private async giveUp(mail: ClaimedMail, reason: string): Promise<void> {
    const { logger, metrics, outbox } = this.options;
    await outbox.giveUp(mail, reason);
    metrics.mailGivenUp(mail.kind);
    logger.warn({ kind: mail.kind, mail: mail.id, reason }, 'A mail was given up.');
  }

  /** The mail server was reached, whatever it said of the mail. */
  private reached(): void {
    this.options.availability.worked();
    this.pauses = 0;
    if (this.state !== 'stopped') this.state = 'ready';
  }

  /** Begins a pause, if there is none. Returns the ms until it ends. */
  private unreached(reason: string): number {
    const { availability, clock } = this.options;
    availability.failed(reason);
    if (this.state === 'ready' || this.state === 'probing') {
      this.state = 'away';
      this.pausedUntil = clock.monotonic() + this.varied(doubled(this.pauses, LONGEST_PAUSE));
      this.pauses += 1;
    }
    return Math.max(0, this.pausedUntil - clock.monotonic());
  }

  private longestWait(mail: ClaimedMail): number {
    return longestWait(mail, this.options.lifetimes);
  }

  private isTooOld(mail: ClaimedMail): boolean {
    return this.options.clock.now() - mail.createdAt.getTime() >= this.longestWait(mail);
  }

  /** Varies a time by a fifth, so that nodes and mails do not come all at once. */
  private varied(ms: number): number {
    return ms * (0.8 + 0.4 * this.random());
  }
}

/** Starts the sender of a node. */
export const startMailSender = (options: SenderOptions): MailSender & { stop(): Promise<void> } =>
  new Sender(options);
