import { type LearnedRevocation, refuses } from '../core/revocation';
import { forEachInTurns } from '../core/turns';
import type { Guard, Principal } from './guard';
import { AMBIGUOUS } from './request';
import { type CloseReason, type JudgingOptions, SignedInSocket, type SocketHandle } from './signed-in-socket';

/** WebSocket close codes. Client libraries treat 4401 as final, and connect again after 1013. */
export const CLOSE_CODES = {
  TOKEN_MISSING: 4403,
  TOKEN_INVALID: 4403,
  TOKEN_REVOKED: 4403,
  TOKEN_EXPIRED: 4401,
  SERVICE_UNAVAILABLE: 1013,
  INTERNAL_SERVER_ERROR: 4500,
} as const satisfies Record<CloseReason, number>;

/** ms for which an open socket waits, by default, while no store can tell whether its token is still good. */
export const PATIENCE = 10_000;

type ConnectionParams = Readonly<Record<string, unknown>> | undefined;

/**
 * Reads the token from the parameters of a connection. Header names are case-insensitive, so clients use both spellings; two
 * values are refused, as two headers are over HTTP.
 */
export function authorizationIn(params: ConnectionParams): string | undefined {
  const values = [params?.authorization, params?.Authorization].filter(
    (value) => value !== undefined && value !== null,
  );
  const [value] = values;
  if (value === undefined) return undefined;
  return values.length === 1 && typeof value === 'string' ? value : AMBIGUOUS;
}

export type SignIn =
  | { readonly ok: true; readonly socket: SignedInSocket }
  /** No `code`: the token is good, but the socket has gone or was not admitted. */
  | { readonly ok: false; readonly code?: CloseReason };

/** The check of tokens on WebSockets: at the sign-in, and for as long as the socket is open. */
export interface SocketGuard {
  /**
   * Lets the socket in if its token is good, and closes it otherwise. From then on the socket is closed as soon as its
   * token expires, or a revocation of it becomes known.
   */
  signIn(authorization: string | undefined, handle: SocketHandle): Promise<SignIn>;
  /** How many sockets of this user are signed in. */
  countOf(userId: string): number;
}

export interface SocketGuardOptions extends JudgingOptions {
  readonly guard: Pick<Guard, 'authenticate'>;
  /**
   * Subscribes to the revocations that become known to this process; answers the function that ends the subscription. Each
   * must be announced after the guard knows it: the sign-in relies on that order.
   */
  readonly onRevocation: (listener: (revocation: LearnedRevocation, isNew?: boolean) => void) => () => void;
}

const EVERYONE = 'everyone';

/** The names under which the index holds a socket. */
const namesOf = ({ userId, sessionId, tokenId, token: { keyId } }: Principal) => [
  ...[EVERYONE, `user ${userId}`, `session ${sessionId}`],
  ...[`token ${tokenId}`, `key ${keyId}`],
];

/**
 * The name of all sockets that a revocation reaches: those it refuses, and the others of the same user, if it says whose it
 * is.
 */
function reachOf(revocation: LearnedRevocation): string {
  if (revocation.kind === 'EVERYONE') return EVERYONE;
  if (revocation.kind === 'KEY') return `key ${revocation.keyId}`;
  if (revocation.kind === 'USER' || revocation.userId !== undefined) return `user ${revocation.userId}`;
  return revocation.kind === 'SESSION' ? `session ${revocation.sessionId}` : `token ${revocation.tokenId}`;
}

function createIndex() {
  const sets = new Map<string, Set<SignedInSocket>>();
  return {
    of: (name: string): readonly SignedInSocket[] => [...(sets.get(name) ?? [])],
    countOf: (name: string) => sets.get(name)?.size ?? 0,
    add(socket: SignedInSocket) {
      for (const name of namesOf(socket.principal)) {
        const set = sets.get(name);
        if (set) set.add(socket);
        else sets.set(name, new Set([socket]));
      }
    },
    remove(socket: SignedInSocket) {
      for (const name of namesOf(socket.principal)) {
        const set = sets.get(name);
        set?.delete(socket);
        if (set?.size === 0) sets.delete(name);
      }
    },
  };
}

/** Subscribes while somebody needs it: each `begin` is followed by one `end`. */
function createListening(subscribe: () => () => void) {
  let needs = 0;
  let unsubscribe: (() => void) | undefined;
  return {
    begin() {
      needs += 1;
      unsubscribe ??= subscribe();
    },
    end() {
      needs -= 1;
      if (needs > 0) return;
      unsubscribe?.();
      unsubscribe = undefined;
    },
  };
}

export function createSocketGuard({ guard, onRevocation, ...judging }: SocketGuardOptions): SocketGuard {
  const index = createIndex();
  /** How many revocations were announced. */
  let announced = 0;

  const listening = createListening(() =>
    onRevocation((revocation, isNew = true) => {
      announced += 1;
      const reached = index.of(reachOf(revocation));
      // Old ones come by the thousand when a log is read from its start: no socket is judged again for each of them.
      const concerned = isNew ? reached : reached.filter(({ token }) => refuses(revocation, token));
      void forEachInTurns(
        concerned,
        (socket) => socket.take(revocation),
        (socket) => socket.weight,
      );
    }),
  );

  const join = (principal: Principal, authorization: string | undefined, handle: SocketHandle) => {
    const socket: SignedInSocket = new SignedInSocket({
      ...judging,
      principal,
      handle,
      authenticate: () => guard.authenticate(authorization),
      onEnd() {
        index.remove(socket);
        listening.end();
      },
    });
    listening.begin();
    index.add(socket);
    return socket;
  };

  const checkAndJoin = async (authorization: string | undefined, handle: SocketHandle): Promise<SignIn> => {
    const announcedBefore = announced;
    const auth = await guard.authenticate(authorization);
    if (!auth.ok) {
      handle.close(auth.code);
      return { ok: false, code: auth.code };
    }
    // A socket that has closed meanwhile would never leave the index.
    if (!handle.isOpen() || handle.admit?.(auth.principal) === false) return { ok: false };
    const socket = join(auth.principal, authorization, handle);
    // A revocation that was announced during the check may be missed: the check has read a store before it, and the index
    // did not hold the socket yet. The guard knows each revocation before it is announced, so one more check finds it. A
    // revocation announced earlier was known to the first check, and one announced later finds the socket in the index.
    // So if none was announced meanwhile, none is missed, and the sign-in costs one check.
    if (announced !== announcedBefore && !(await socket.judge())) return { ok: false };
    return { ok: true, socket };
  };

  return {
    async signIn(authorization, handle) {
      try {
        // Before the check, so that every revocation that is announced during it is counted.
        listening.begin();
        return await checkAndJoin(authorization, handle);
      } catch (error) {
        handle.onError?.(error);
        handle.close('INTERNAL_SERVER_ERROR');
        return { ok: false, code: 'INTERNAL_SERVER_ERROR' };
      } finally {
        listening.end();
      }
    },
    countOf: (userId) => index.countOf(`user ${userId}`),
  };
}
