import type { Renewal } from './renewal.js';
import type { Grant, SessionUser, State } from './state.js';

/** The token that a request or a socket was sent with. */
export interface Sent extends Grant<SessionUser> {
  /** The renewal before it. */
  readonly latest: Promise<void> | undefined;
}

/** Gives requests and sockets their token. */
export interface Bearer {
  /** Waits for the session, and returns its token; none if nobody is signed in. */
  token(): Promise<Sent | undefined>;
  /** Returns another token of the same user after this one was refused; none if there is none. */
  replace(sent: Sent, reason: string | undefined): Promise<Sent | undefined>;
  /** Whether this token is the one in use. */
  isCurrent(sent: Sent): boolean;
  /** Whether its user is still signed in. */
  isSameUser(sent: Sent): boolean;
}

/** Refusals that a new token helps against. */
const RENEWABLE = ['TOKEN_EXPIRED', 'TOKEN_REVOKED'];

/** ms of age below which a new token would be refused for any other reason too */
const YOUNG = 30_000;

export function createBearer<User extends SessionUser>(state: State<User>, renewal: Renewal<User>): Bearer {
  const current = (): Sent | undefined => {
    const held = state.held();
    return held && { ...held, latest: renewal.latest() };
  };
  const isCurrent = (sent: Sent) => state.held()?.accessToken === sent.accessToken;
  const isSameUser = (sent: Sent) => state.held()?.user.id === sent.user.id;

  return {
    async token() {
      await renewal.ready();
      return current();
    },
    async replace(sent, reason = '') {
      if (isCurrent(sent)) {
        if (!RENEWABLE.includes(reason) && state.age() < YOUNG) return undefined;
        // One renewal serves all requests before it, however late their answers come, even if it fails.
        await (renewal.latest() === sent.latest ? renewal.renew(sent.accessToken) : renewal.latest());
      }
      return isSameUser(sent) && !isCurrent(sent) ? current() : undefined;
    },
    isCurrent,
    isSameUser,
  };
}
