import { systemClock } from '../core/clock';
import { unauthenticated } from '../core/errors';
import type { LearnedRevocation } from '../core/revocation';
import type { Shape } from '../core/shape';
import type { AuthContext } from './apollo';
import { toGraphQLError } from './graphql-error';
import type { Guard, Principal } from './guard';
import type { SignedInSocket, SocketHandle } from './signed-in-socket';
import { authorizationIn, CLOSE_CODES, createSocketGuard, PATIENCE } from './sockets';

/** A guard that announces revocations, as `createGuard` returns it. */
export interface TellingGuard<S extends Shape = Shape> extends Guard<S> {
  /**
   * @param listener called with each revocation once the guard refuses what it names; `isNew` is false for one from before
   * the guard was made
   */
  onRevocation(listener: (revocation: LearnedRevocation, isNew?: boolean) => void): () => void;
}

/** The part of a `ws` socket that is used. */
export interface GuardedSocket {
  readonly readyState: number;
  close(code?: number, reason?: string): void;
  once(event: 'close', listener: () => void): unknown;
}

/** What graphql-ws knows of a socket. */
export interface SocketContext {
  readonly connectionParams?: Readonly<Record<string, unknown>>;
  readonly extra: { readonly socket: GuardedSocket };
}

export interface GraphqlWsGuardOptions {
  /**
   * ms for which an event or an operation waits while no store can tell whether the token is still good. After that the
   * socket is closed with 1013. 10000 if left out.
   */
  readonly patience?: number;
}

/** Options for `useServer` of graphql-ws. */
export interface GraphqlWsHooks<S extends Shape = Shape> {
  onConnect(context: SocketContext): Promise<boolean>;
  /** Returns GraphQL errors if the operation must not run. Not typed as such: the package `graphql` may be missing. */
  onSubscribe(context: SocketContext): Promise<readonly never[] | undefined>;
  onNext(context: SocketContext): Promise<{ data: null } | undefined>;
  context(context: SocketContext): AuthContext<S>;
}

/** `readyState` of an open WebSocket. */
const OPEN = 1;

const handleOf = (socket: GuardedSocket): SocketHandle => ({
  isOpen: () => socket.readyState === OPEN,
  close: (reason) => socket.close(CLOSE_CODES[reason], reason),
  onceClosed: (listener) => void socket.once('close', listener),
});

/**
 * Options for `useServer` of graphql-ws on `ws` sockets: `useServer({ schema, ...graphqlWsGuard(guard) }, server)`. Put them
 * last, and call them from your own hooks: a hook that you replace checks nothing.
 *
 * A socket needs a good token in `connectionParams.authorization` to connect. The token is judged again before every
 * operation and every event. The socket is closed with 4403 as soon as this process learns that the token was revoked
 * (without the guard's view: at its next event), with 4401 when the token expires, and with 1013 when no store can tell.
 */
export function graphqlWsGuard<S extends Shape>(
  guard: TellingGuard<S>,
  { patience = PATIENCE }: GraphqlWsGuardOptions = {},
): GraphqlWsHooks<S> {
  const sockets = createSocketGuard({
    guard,
    onRevocation: (listener) => guard.onRevocation(listener),
    clock: systemClock,
    clockSkew: 0,
    patience,
  });
  const signedIn = new WeakMap<SocketContext, SignedInSocket>();

  const socketOf = (context: SocketContext): SignedInSocket => {
    const socket = signedIn.get(context);
    if (!socket)
      throw new Error('This socket has not signed in. Call the onConnect of graphqlWsGuard first.');
    return socket;
  };

  return {
    async onConnect(context) {
      const authorization = authorizationIn(context.connectionParams);
      const answer = await sockets.signIn(authorization, handleOf(context.extra.socket));
      if (answer.ok) signedIn.set(context, answer.socket);
      return answer.ok;
    },
    async onSubscribe(context) {
      if (await socketOf(context).judge()) return undefined;
      // The socket is being closed, so this error is not sent. It keeps the operation from running.
      const error = toGraphQLError(unauthenticated('TOKEN_REVOKED'));
      return [error] as unknown as readonly never[];
    },
    async onNext(context) {
      // A closed socket sends nothing. The data is taken out all the same.
      return (await socketOf(context).judge()) ? undefined : { data: null };
    },
    context: (context) => ({ auth: { ok: true, principal: socketOf(context).principal as Principal<S> } }),
  };
}
