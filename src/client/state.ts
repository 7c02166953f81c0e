import { type Clock, stopwatch } from './clock.js';
import type { SessionError } from './errors.js';

export interface SessionUser {
  readonly id: string;
}

/** What the auth server answers at a sign-in and a refresh. */
export interface Grant<User extends SessionUser> {
  readonly accessToken: string;
  /** ms for which the access token is good from its arrival on */
  readonly lifetime: number;
  readonly sessionId: string;
  readonly user: User;
}

/**
 * Why a session has ended:
 *
 * - `logout`: the user logged out, in this or another tab.
 * - `ended`: the auth server no longer knows it. It has expired, or was ended elsewhere.
 * - `reused`: the auth server has ended it, because its refresh token was used by somebody else.
 * - `replaced`: another user signed in, in this or another tab.
 */
export type EndReason = 'logout' | 'ended' | 'reused' | 'replaced';

export type SessionState<User extends SessionUser = SessionUser> =
  /** It is not known yet whether somebody is signed in. `fault` says why the last attempt to find out failed. */
  | { readonly status: 'restoring'; readonly fault?: SessionError }
  | { readonly status: 'signedIn'; readonly user: User; readonly sessionId: string }
  /** The session goes on, but the last refresh failed. It is tried again. */
  | {
      readonly status: 'reconnecting';
      readonly user: User;
      readonly sessionId: string;
      readonly fault: SessionError;
    }
  /** Nobody is signed in. Without a reason, nobody was since the page was opened. */
  | { readonly status: 'signedOut'; readonly reason?: EndReason };

export type State<User extends SessionUser> = ReturnType<typeof createState<User>>;

/** Holds who is signed in, and the access token. Both are only in memory. */
export function createState<User extends SessionUser>(
  clock: Clock,
  onEnd: ((reason: EndReason) => void) | undefined,
) {
  let snapshot: SessionState<User> = { status: 'restoring' };
  let held: Grant<User> | undefined;
  let endedSession: string | undefined;
  /** Returns ms since the token has arrived. */
  let age = () => 0;
  const listeners = new Set<() => void>();

  /** Returns ms for which the token is still good. */
  const left = () => (held ? held.lifetime - age() : 0);

  function change(next: SessionState<User>): void {
    snapshot = next;
    for (const listener of [...listeners]) listener();
  }

  function end(reason: EndReason): void {
    if (held) {
      endedSession = held.sessionId;
      held = undefined;
      change({ status: 'signedOut', reason });
      // Later, so that an error of the application does not stop us halfway.
      void Promise.resolve(reason).then(onEnd);
    } else if (snapshot.status === 'restoring') change({ status: 'signedOut' });
  }

  return {
    snapshot: () => snapshot,
    held: () => held,
    age: () => age(),
    left,
    /** Whether there is a good token, and not this one. */
    hasOtherThan: (stale: string | undefined) => left() > 0 && held?.accessToken !== stale,
    subscribe(listener: () => void) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    /** Whether this is the session that ended last. What another tab still tells of it is late. */
    hasEnded: (sessionId: string | undefined) => sessionId !== undefined && sessionId === endedSession,
    begin(grant: Grant<User>): void {
      const { accessToken, user, sessionId } = grant;
      if (sessionId === endedSession || accessToken === held?.accessToken) return;
      if (held && held.user.id !== user.id) end('replaced');
      held = grant;
      age = stopwatch(clock);
      change({ status: 'signedIn', user, sessionId });
    },
    end,
    fail(fault: SessionError): void {
      if (held) {
        const { user, sessionId } = held;
        change({ status: 'reconnecting', user, sessionId, fault });
      } else if (snapshot.status === 'restoring') change({ status: 'restoring', fault });
    },
  };
}
