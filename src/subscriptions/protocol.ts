import { type GraphQLError, type GraphQLFormattedError, locatedError, subscribe } from 'graphql';
import { type Context, makeServer, type Server, type ServerOptions } from 'graphql-ws';
import { type Client, originOf } from '../actions/client';
import type { Logger } from '../core/ports/logger';
import type { RecordRefusal } from '../core/ports/refusals';
import type { LoggedRevocation } from '../core/revocation';
import type { SubscriptionContext } from '../graphql/context';
import { noteDenials } from '../graphql/denials';
import { createErrorFormatter, requestError } from '../graphql/errors';
import { contextOf } from '../graphql/own-context';
import { createSubscriptionReader, type SubscriptionReaderOptions } from '../graphql/subscription-request';
import type { SocketHandle } from '../guard/signed-in-socket';
import { authorizationIn, type SocketGuard } from '../guard/sockets';
import type { Connection } from './connection';
import type { SocketLimits } from './socket-limits';
import { Subscriptions } from './subscriptions';

/** What the server knows of a socket, beside what graphql-ws knows. */
export interface SocketState {
  /** Names the socket in the log. */
  readonly id: string;
  /** Where the socket comes from. */
  readonly client: Client;
  readonly connection: Connection;
  /** Set when the socket has signed in. */
  subscriptions?: Subscriptions;
}

export interface ProtocolOptions extends SubscriptionReaderOptions {
  /** Records refused requests in the audit log. */
  readonly recordRefusal: RecordRefusal;
  readonly socketGuard: SocketGuard;
  /** The sockets with a subscription to `revocations`. */
  readonly watchers: Set<Subscriptions>;
  readonly limits: SocketLimits;
  readonly logger: Logger;
}

type Params = Record<string, unknown> | undefined;
type SocketContext = Context<Params, SocketState>;
type Hooks = Required<ServerOptions<Params, SocketState>>;

/** Without a code, the log gets all of it and the client nothing. */
const unexpected = (error: unknown) => locatedError(error, undefined);

/** Formats errors for the client, logs the unexpected ones, and records the denied ones in the audit log. */
function createErrorHandling(options: ProtocolOptions) {
  const formatError = createErrorFormatter(options);
  return (
    { id, client, subscriptions }: SocketState,
    errors: readonly GraphQLError[],
  ): GraphQLFormattedError[] => {
    if (subscriptions) {
      const { principal } = subscriptions.socket;
      noteDenials(options.recordRefusal, errors, { auth: { ok: true, principal }, client });
    }
    return errors.map((error) => formatError(error.toJSON(), error, id));
  };
}

/** Lets a socket in if its token is good, unless its user has too many sockets. */
function createSignIn(options: ProtocolOptions): (context: SocketContext) => Promise<boolean> {
  const { socketGuard, limits, watchers, logger, recordRefusal } = options;

  const handleOf = (state: SocketState): SocketHandle => ({
    isOpen: () => state.connection.isOpen,
    close(cause, revocation?: LoggedRevocation) {
      // The close comes first: after the end alone the client would take its subscriptions for completed.
      const finish = () => {
        state.connection.closeFor(cause);
        state.subscriptions?.end();
      };
      const lastSent = revocation && state.subscriptions?.sendLast(revocation);
      if (lastSent) void lastSent.then(finish);
      else finish();
    },
    onceClosed: (listener) => state.connection.onceClosed(listener),
    admit({ userId, sessionId }) {
      if (socketGuard.countOf(userId) < limits.ofUser) return true;
      // The open ones stay.
      const reason = 'sockets-by-user';
      const type = 'RATE_LIMIT_REACHED';
      recordRefusal({ type, userId, actorId: userId, sessionId, reason, ...originOf(state.client) });
      state.connection.closeFor('TOO_MANY_SOCKETS');
      return false;
    },
    // What a node announces is whole.
    onRevocation: (revocation: LoggedRevocation) => state.subscriptions?.push(revocation),
    onError: (error) =>
      logger.error({ requestId: state.id, err: error }, "Unexpected error in the check of a socket's token."),
    weight: () => state.subscriptions?.weight ?? 1,
  });

  return async ({ connectionParams, extra: state }) => {
    const answer = await socketGuard.signIn(authorizationIn(connectionParams), handleOf(state));
    if (answer.ok) {
      const onTooSlow = () => state.connection.closeFor('TOO_SLOW');
      state.subscriptions = new Subscriptions({ socket: answer.socket, limits, watchers, onTooSlow });
    } else if (answer.code === 'TOKEN_INVALID') {
      recordRefusal({ type: 'ACCESS_TOKEN_REFUSED', ...originOf(state.client) });
    }
    return answer.ok;
  };
}

/** Reads a subscription that a client asks for. */
function createSubscribing(options: ProtocolOptions): Hooks['onSubscribe'] {
  const { limits } = options;
  const read = createSubscriptionReader(options);
  return ({ extra: { subscriptions: own }, subscriptions }, _id, request) => {
    // The last events are being sent, and then the socket is closed.
    if (!own || own.socket.hasEnded) return [requestError('BAD_USER_INPUT', 'This socket is being closed.')];
    // The new one is among them already.
    if (Object.keys(subscriptions).length > limits.subscriptions) {
      const message = `A socket has at most ${limits.subscriptions} subscriptions. End one first.`;
      return [requestError('BAD_USER_INPUT', message)];
    }
    try {
      const reading = read(request);
      if (!('document' in reading)) return reading;
      const { socket, revocations } = own;
      const auth = { ok: true, principal: socket.principal } as const;
      return { ...reading, contextValue: contextOf<SubscriptionContext>({ auth, revocations }) };
    } catch (error) {
      return [unexpected(error)];
    }
  };
}

/** The protocol graphql-transport-ws: the sign-in, the subscriptions, and the form of errors. */
export function createProtocol(options: ProtocolOptions): Server<SocketState> {
  const format = createErrorHandling(options);
  return makeServer<Params, SocketState>({
    connectionInitWaitTimeout: options.limits.initTimeout,
    onConnect: createSignIn(options),
    onSubscribe: createSubscribing(options),
    subscribe: (args) => subscribe(args).catch((error: unknown) => ({ errors: [unexpected(error)] })),
    onNext: ({ extra }, _id, _request, _args, { errors, ...result }) => ({
      ...result,
      ...(errors && { errors: format(extra, errors) }),
    }),
    onError: ({ extra }, _id, _request, errors) => format(extra, errors),
  });
}
