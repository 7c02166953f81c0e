import { setTimeout as sleep } from 'node:timers/promises';
import { isExpired, type VerifiedToken } from '../core/claims';
import type { Clock } from '../core/clock';
import { nextRun } from '../core/next-run';
import { type LearnedRevocation, refuses } from '../core/revocation';
import type { AuthResult, Principal } from './guard';

/** Why the guard closes a socket: its token is refused, no store can tell, or a check failed unexpectedly. */
export type CloseReason = Extract<AuthResult, { ok: false }>['code'] | 'INTERNAL_SERVER_ERROR';

/** What the guard needs of a WebSocket. */
export interface SocketHandle {
  isOpen(): boolean;
  /** @param revocation what ended the token, if that is known */
  close(reason: CloseReason, revocation?: LearnedRevocation): void;
  onceClosed(listener: () => void): void;
  /** Called when the token is good. Keeps the socket out with `false`, after closing it. */
  admit?(principal: Principal): boolean;
  /** Called with each new revocation of the socket's user or of everyone that does not refuse its token. */
  onRevocation?(revocation: LearnedRevocation): void;
  /** Called with an unexpected error of a check, which closes the socket. */
  onError?(error: unknown): void;
  /** How much work a revocation makes for this socket, compared with one that needs a check only; 1 if left out. */
  weight?(): number;
}

/** How sockets are judged. */
export interface JudgingOptions {
  readonly clock: Pick<Clock, 'now'>;
  /** ms after `exp` for which the guard still accepts a token; 0 if it is not known */
  readonly clockSkew: number;
  /** ms for which a check is repeated that no store can answer, before the socket is closed */
  readonly patience: number;
}

export interface SignedInSocketOptions extends JudgingOptions {
  readonly principal: Principal;
  readonly handle: SocketHandle;
  /** Judges the token that the socket sent. */
  readonly authenticate: () => Promise<AuthResult>;
  readonly onEnd: () => void;
}

/** ms between two attempts at a check that no store can answer. */
const CHECK_INTERVAL = 500;

/** ms. Timers take at most 2^31; and this is how late a clock that jumped, or a machine that slept, is noticed. */
const LONGEST_TIMER = 60_000;

/** ms between two checks of a token past its `exp` that the guard still accepts, because clocks may differ. */
const SKEW_INTERVAL = 1000;

/** A socket whose token was good when it signed in. */
export class SignedInSocket {
  readonly principal: Principal;
  /**
   * Judges the token as of now. Closes the socket and answers `false` if the token is refused, or if no store can tell
   * for `patience` ms.
   */
  readonly judge: () => Promise<boolean>;
  private lastCheck = Promise.resolve(true);
  private expiry: NodeJS.Timeout | undefined;
  private ended = false;

  constructor(private readonly options: SignedInSocketOptions) {
    this.principal = options.principal;
    this.judge = nextRun(
      () => this.lastCheck,
      () => (this.lastCheck = this.check()),
    );
    this.awaitExpiry();
    options.handle.onceClosed(() => this.leave());
  }

  /** Whether the socket is closed, or the guard is closing it. */
  get hasEnded(): boolean {
    return this.ended;
  }

  get token(): VerifiedToken {
    return this.principal.token;
  }

  /** How much work a revocation makes for this socket. */
  get weight(): number {
    return this.options.handle.weight?.() ?? 1;
  }

  /** Takes in a revocation that reaches this socket: of its user, of its key, or of everyone. */
  take(revocation: LearnedRevocation): void {
    if (this.ended) return;
    if (refuses(revocation, this.token)) {
      // No store is needed to know this.
      this.end('TOKEN_REVOKED', revocation);
      return;
    }
    this.options.handle.onRevocation?.(revocation);
    void this.judge();
  }

  private get isInUse(): boolean {
    return !this.ended && this.options.handle.isOpen();
  }

  private leave(): void {
    if (this.ended) return;
    this.ended = true;
    clearTimeout(this.expiry);
    this.options.onEnd();
  }

  private end(reason: CloseReason, revocation?: LearnedRevocation): void {
    if (this.ended) return;
    this.leave();
    this.options.handle.close(reason, revocation);
  }

  private async check(): Promise<boolean> {
    if (!this.isInUse) return false;
    try {
      const auth = await this.ask();
      if (!auth.ok) this.end(auth.code);
      return auth.ok && this.isInUse;
    } catch (error) {
      this.options.handle.onError?.(error);
      this.end('INTERNAL_SERVER_ERROR');
      return false;
    }
  }

  /** Asks the guard, and asks again while no store can tell, until `patience` ms have passed or the socket has ended. */
  private async ask(): Promise<AuthResult> {
    const { authenticate, patience } = this.options;
    // Real time: the sleep below takes real time too, and a clock from a test may stand still.
    const giveUpAt = performance.now() + patience;
    for (;;) {
      const auth = await authenticate();
      if (auth.ok || auth.code !== 'SERVICE_UNAVAILABLE' || performance.now() >= giveUpAt) return auth;
      await sleep(Math.min(CHECK_INTERVAL, patience), undefined, { ref: false });
      if (!this.isInUse) return auth;
    }
  }

  /** Finds the moment to ask the guard, which decides what has expired. */
  private awaitExpiry(least = 0): void {
    const { clock, clockSkew } = this.options;
    const { claims } = this.token;
    const left = Math.max(claims.exp * 1000 + clockSkew - clock.now(), least);
    const look = async () => {
      if (!isExpired(claims, clock.now(), clockSkew)) this.awaitExpiry();
      // A check of its own: it needs no store to see that a token has expired, so it waits for none under way.
      else if (await this.check()) this.awaitExpiry(SKEW_INTERVAL);
    };
    this.expiry = setTimeout(() => void look(), Math.min(left, LONGEST_TIMER)).unref();
  }
}
