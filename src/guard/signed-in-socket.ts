import { setTimeout as sleep } from 'node:timers/promises';
import { isExpired } from '../core/claims';
import type { Clock } from '../core/clock';
import { nextRun } from '../core/next-run';
import { type LoggedRevocation, refuses } from '../core/revocation';
import type { AuthResult, Principal } from './guard';

/** Why the guard closes a socket: its token is refused, no store can tell, or a check failed unexpectedly. */
export type CloseReason = Extract<AuthResult, { ok: false }>['code'] | 'INTERNAL_SERVER_ERROR';

/** What the guard needs of a WebSocket. */
export interface SocketHandle {
  isOpen(): boolean;
  /** @param revocation what ended the token, if that is known */
  close(reason: CloseReason, revocation?: LoggedRevocation): void;
  onceClosed(listener: () => void): void;
  /** Called when the token is good. Keeps the socket out with `false`, after closing it. */
  admit?(principal: Principal): boolean;
  /** Called with each new revocation of the socket's user or of everyone that does not refuse its token. */
  onRevocation?(revocation: LoggedRevocation): void;
  /** Called with an unexpected error of a check, which closes the socket. */
  onError?(error: unknown): void;
  /** How much work a revocation makes for this socket, compared with one that needs a check only; 1 if left out. */
  weight?(): number;
}

/** A socket whose token was good when it signed in. */
export interface SignedInSocket {
  readonly principal: Principal;
  /** The socket is closed, or the guard is closing it. */
  readonly hasEnded: boolean;
  /**
   * Judges the token as of now. Closes the socket and answers `false` if the token is refused, or if no store can tell
   * for `patience` ms.
   */
  judge(): Promise<boolean>;
}

export interface TrackedSocket extends SignedInSocket {
  /** How much work a revocation makes for this socket. */
  readonly weight: number;
  /** Takes in a revocation that reaches this socket: of its user, of its key, or of everyone. */
  take(revocation: LoggedRevocation): void;
}

export interface SignedInSocketOptions {
  readonly principal: Principal;
  readonly handle: SocketHandle;
  /** Judges the token that the socket sent. */
  readonly authenticate: () => Promise<AuthResult>;
  readonly clock: Pick<Clock, 'now'>;
  /** ms after `exp` for which the guard still accepts a token; 0 if it is not known */
  readonly clockSkew: number;
  /** ms; see `SignedInSocket.judge` */
  readonly patience: number;
  readonly onEnd: () => void;
}

/** ms between two attempts at a check that no store can answer. */
const CHECK_INTERVAL = 500;

/** ms. Timers take at most 2^31; and this is how late a clock that jumped, or a machine that slept, is noticed. */
const LONGEST_TIMER = 60_000;

/** ms between two checks of a token past its `exp` that the guard still accepts, because clocks may differ. */
const SKEW_INTERVAL = 1000;

/** Asks the guard, and asks again while no store can tell, until `patience` ms have passed or the answer is not needed. */
async function askFor(
  patience: number,
  authenticate: () => Promise<AuthResult>,
  isNeeded: () => boolean,
): Promise<AuthResult> {
  // Real time: the sleep below takes real time too, and a clock from a test may stand still.
  const giveUpAt = performance.now() + patience;
  for (;;) {
    const auth = await authenticate();
    if (auth.ok || auth.code !== 'SERVICE_UNAVAILABLE' || performance.now() >= giveUpAt) return auth;
    await sleep(Math.min(CHECK_INTERVAL, patience), undefined, { ref: false });
    if (!isNeeded()) return auth;
  }
}

export function createSignedInSocket(options: SignedInSocketOptions): TrackedSocket {
  const { principal, handle, authenticate, clock, clockSkew, patience, onEnd } = options;
  let hasEnded = false;
  let expiry: NodeJS.Timeout | undefined;

  const leave = () => {
    if (hasEnded) return;
    hasEnded = true;
    clearTimeout(expiry);
    onEnd();
  };
  const end = (reason: CloseReason, revocation?: LoggedRevocation) => {
    if (hasEnded) return;
    leave();
    handle.close(reason, revocation);
  };
  const isInUse = () => !hasEnded && handle.isOpen();

  const check = async (): Promise<boolean> => {
    if (!isInUse()) return false;
    try {
      const auth = await askFor(patience, authenticate, isInUse);
      if (!auth.ok) end(auth.code);
      return auth.ok && isInUse();
    } catch (error) {
      handle.onError?.(error);
      end('INTERNAL_SERVER_ERROR');
      return false;
    }
  };
  let lastCheck = Promise.resolve(true);
  const judge = nextRun(
    () => lastCheck,
    () => (lastCheck = check()),
  );

  // The guard decides what has expired. This only finds the moment to ask it.
  const awaitExpiry = (least = 0) => {
    const left = Math.max(principal.claims.exp * 1000 + clockSkew - clock.now(), least);
    const look = async () => {
      if (!isExpired(principal.claims, clock.now(), clockSkew)) awaitExpiry();
      // A check of its own: it needs no store to see that a token has expired, so it waits for none under way.
      else if (await check()) awaitExpiry(SKEW_INTERVAL);
    };
    expiry = setTimeout(() => void look(), Math.min(left, LONGEST_TIMER)).unref();
  };
  awaitExpiry();
  handle.onceClosed(leave);

  return {
    principal,
    get hasEnded() {
      return hasEnded;
    },
    get weight() {
      return handle.weight?.() ?? 1;
    },
    judge,
    take(revocation) {
      if (hasEnded) return;
      if (refuses(revocation, principal)) {
        // No store is needed to know this.
        end('TOKEN_REVOKED', revocation);
        return;
      }
      handle.onRevocation?.(revocation);
      void judge();
    },
  };
}
