import type { IncomingMessage } from 'node:http';
import { type ExecutionArgs, getOperationAST } from 'graphql';
import { type Client, originOf } from '../actions/client';
import type { Clock } from '../core/clock';
import { unauthenticated } from '../core/errors';
import type { Logger } from '../core/ports/logger';
import type { RecordRefusal } from '../core/ports/refusals';
import type { LoggedRevocation } from '../core/revocation';
import type { SubscriptionContext } from '../graphql/context';
import { topLevelFields } from '../graphql/outcome';
import { type AddedContext, contextOf } from '../graphql/own-context';
import type { Guard } from '../guard/guard';
import { toGraphQLError } from '../guard/graphql-error';
import type { GraphqlWsHooks, SocketContext } from '../guard/graphql-ws';
import type { SocketHandle } from '../guard/signed-in-socket';
import { authorizationIn, createSocketGuard } from '../guard/sockets';
import type { Announcements } from '../revocation/announcements';
import { OWN_CLOSE_CODES } from './closing';
import { SOCKET_LIMITS } from './socket-limits';
import { informWatchers, Subscriptions } from './subscriptions';

/** The part of an execution's arguments that is used. */
type Execution = Pick<ExecutionArgs, 'document' | 'operationName'>;

/** Options for `useServer` of graphql-ws, with the context of our own subscriptions too. */
export interface OwnGraphqlWsHooks extends Omit<GraphqlWsHooks, 'context' | 'onNext'> {
  onNext(
    context: SocketContext,
    id: string,
    payload: unknown,
    execution: Execution,
  ): Promise<{ data: null } | undefined>;
  context(context: SocketContext): AddedContext<SubscriptionContext>;
}

export interface GraphqlWsHooksOptions {
  readonly guard: Pick<Guard, 'authenticate'>;
  readonly announcements: Announcements;
  readonly recordRefusal: RecordRefusal;
  readonly logger: Pick<Logger, 'error'>;
  readonly clock: Clock;
  /** ms */
  readonly clockSkew: number;
  /** Reads who has sent the request of a socket. */
  readonly clientOf: (upgrade: IncomingMessage) => Client;
}

/** Whether a subscription has only the field `sessionEnded`. */
function isSessionEnded({ document, operationName }: Execution): boolean {
  const operation = getOperationAST(document, operationName);
  return operation ? topLevelFields(operation, document).every((field) => field === 'sessionEnded') : false;
}

/** `readyState` of an open WebSocket. */
const OPEN = 1;

/** What graphql-ws knows of a socket of ours. `request` is missing on servers other than `ws`. */
type OwnSocketContext = SocketContext & { readonly extra: { readonly request?: IncomingMessage } };

interface OwnSockets {
  readonly hooks: OwnGraphqlWsHooks;
  close(): void;
}

/** What the guard needs of a socket of graphql-ws. @param own what has signed in on it, if anything */
function handleOf(
  { socket }: SocketContext['extra'],
  own: () => Subscriptions | undefined,
  logger: GraphqlWsHooksOptions['logger'],
): SocketHandle {
  return {
    isOpen: () => socket.readyState === OPEN,
    close(reason, revocation?: LoggedRevocation) {
      // The close comes first: after the end alone the client would take its subscriptions for completed.
      const finish = () => {
        socket.close(OWN_CLOSE_CODES[reason], reason);
        own()?.end();
      };
      const lastSent = revocation && own()?.sendLast(revocation);
      if (lastSent) void lastSent.then(finish);
      else finish();
    },
    onceClosed: (listener) => void socket.once('close', listener),
    // What a node announces is whole.
    onRevocation: (revocation: LoggedRevocation) => own()?.push(revocation),
    onError: (error) => logger.error({ err: error }, "Unexpected error in the check of a socket's token."),
    weight: () => own()?.weight ?? 1,
  };
}

/**
 * Creates the options for `useServer`: like `graphqlWsGuard`, and our own subscriptions get their events. Call `close`
 * when the sockets have closed.
 */
export function createGraphqlWsHooks(options: GraphqlWsHooksOptions): OwnSockets {
  const { guard, announcements, clock, clockSkew, recordRefusal, logger } = options;
  const socketGuard = createSocketGuard({
    guard,
    onRevocation: (listener) => announcements.subscribe(listener),
    clock,
    clockSkew,
    patience: SOCKET_LIMITS.checkPatience,
  });
  const watchers = new Set<Subscriptions>();
  const close = informWatchers(announcements, watchers);
  const signedIn = new WeakMap<SocketContext, Subscriptions>();

  const subscriptionsOf = (context: SocketContext): Subscriptions => {
    const found = signedIn.get(context);
    if (!found) throw new Error('This socket has not signed in. Call the onConnect of graphqlWs first.');
    return found;
  };

  const hooks: OwnGraphqlWsHooks = {
    async onConnect(context) {
      const { socket, request } = (context as OwnSocketContext).extra;
      const answer = await socketGuard.signIn(
        authorizationIn(context.connectionParams),
        handleOf(context.extra, () => signedIn.get(context), logger),
      );
      if (answer.ok) {
        const onTooSlow = () => socket.close(OWN_CLOSE_CODES.TOO_SLOW, 'TOO_SLOW');
        const mine = new Subscriptions({ socket: answer.socket, limits: SOCKET_LIMITS, watchers, onTooSlow });
        signedIn.set(context, mine);
        socket.once('close', () => mine.end());
      } else if (answer.code === 'TOKEN_INVALID' && request) {
        recordRefusal({ type: 'ACCESS_TOKEN_REFUSED', ...originOf(options.clientOf(request)) });
      }
      return answer.ok;
    },
    async onSubscribe(context) {
      if (await subscriptionsOf(context).socket.judge()) return undefined;
      // The socket is being closed, so this error is not sent. It keeps the operation from running.
      return [toGraphQLError(unauthenticated('TOKEN_REVOKED'))] as unknown as readonly never[];
    },
    async onNext(context, _id, _payload, execution) {
      const { socket } = subscriptionsOf(context);
      // The last event tells of the end. Everything else stays here while it is sent.
      if (socket.hasEnded && isSessionEnded(execution)) return undefined;
      return (await socket.judge()) ? undefined : { data: null };
    },
    context(context) {
      const { socket, revocations } = subscriptionsOf(context);
      return contextOf({ auth: { ok: true, principal: socket.principal }, revocations });
    },
  };
  return { hooks, close };
}
