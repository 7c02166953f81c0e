import { GraphQLError, type GraphQLFormattedError, type GraphQLSchema, subscribe } from 'graphql';
import { type Context, makeServer, type Server } from 'graphql-ws';
import { type Client, originOf } from '../actions/client';
import type { Logger } from '../core/ports/logger';
import type { RecordRefusal } from '../core/ports/refusals';
import { noteDenials } from '../graphql/denials';
import type { SubscriptionContext } from '../graphql/context';
import { createErrorFormatter } from '../graphql/errors';
import { badUserInput } from '../graphql/limits';
import { createSubscriptionReader } from '../graphql/subscription-request';
import type { Guard, Principal } from '../guard/guard';
import type { CloseSocket } from './closing';
import type { SocketLimits } from './limits';
import type { Member } from './member';
import type { Members } from './members';

/** What is known of a socket beside what graphql-ws knows. */
export interface SocketState {
  /** Names it in the log. */
  readonly id: string;
  /** Where it comes from. */
  readonly client: Client;
  readonly isOpen: () => boolean;
  readonly close: CloseSocket;
  /** Set when it has signed in. */
  member?: Member;
}

export interface ProtocolOptions {
  readonly schema: GraphQLSchema;
  /** Turns introspection of the schema off. */
  readonly production: boolean;
  readonly guard: Guard;
  /** Notes in the audit log what was refused. */
  readonly recordRefusal?: RecordRefusal;
  readonly members: Members;
  readonly limits: SocketLimits;
  readonly logger: Logger;
}

type SocketContext = Context<Record<string, unknown> | undefined, SocketState>;

/** The token as clients send it. Header names know no case, so both are in use. */
function authorizationIn(params: SocketContext['connectionParams']): string | undefined {
  const given = params?.authorization ?? params?.Authorization;
  return typeof given === 'string' || given === undefined ? given : 'not a text';
}

/** Without a code, so that the log gets all of it and its client nothing. */
const unexpected = (error: unknown) =>
  new GraphQLError('Unexpected.', {
    originalError: error instanceof Error ? error : new Error('It is not an error.', { cause: error }),
  });

/** The logger, naming the socket as it names requests. */
const loggerFor = (logger: Logger, requestId: string): Logger => ({
  debug: (details, message) => logger.debug({ requestId, ...details }, message),
  info: (details, message) => logger.info({ requestId, ...details }, message),
  warn: (details, message) => logger.warn({ requestId, ...details }, message),
  error: (details, message) => logger.error({ requestId, ...details }, message),
});

/** The protocol graphql-transport-ws: who is let in, what is served, and what errors look like. */
export function createProtocol(options: ProtocolOptions): Server<SocketState> {
  const { guard, members, limits, logger, production, recordRefusal = () => undefined } = options;
  const read = createSubscriptionReader(options);

  const format = (
    { id, client, member }: SocketState,
    errors: readonly GraphQLError[],
  ): GraphQLFormattedError[] => {
    if (member)
      noteDenials(recordRefusal, errors, { auth: { ok: true, principal: member.principal }, client });
    const formatError = createErrorFormatter({ logger: loggerFor(logger, id), production });
    return errors.map((error) => {
      const formatted = formatError(error.toJSON(), error);
      if (formatted.extensions?.code !== 'INTERNAL_SERVER_ERROR') return formatted;
      return { ...formatted, extensions: { ...formatted.extensions, requestId: id } };
    });
  };

  /** Refuses a socket whose user has enough of them. Those that are open stay. */
  const isOneTooMany = ({ userId, sessionId }: Principal, { client, close }: SocketState): boolean => {
    if (members.countOf(userId) < limits.ofUser) return false;
    const reason = 'sockets-by-user';
    const type = 'RATE_LIMIT_REACHED';
    recordRefusal({ type, userId, actorId: userId, sessionId, reason, ...originOf(client) });
    close('TOO_MANY_SOCKETS');
    return true;
  };

  return makeServer<SocketContext['connectionParams'], SocketState>({
    connectionInitWaitTimeout: limits.initTimeout,

    /** A good token is let in, unless its user has too many sockets. */
    async onConnect({ connectionParams, extra }) {
      const authorization = authorizationIn(connectionParams);
      try {
        const auth = await guard.authenticate(authorization);
        if (!auth.ok && auth.code === 'TOKEN_INVALID')
          recordRefusal({ type: 'ACCESS_TOKEN_REFUSED', ...originOf(extra.client) });
        if (!extra.isOpen()) return false;
        if (auth.ok && authorization !== undefined) {
          if (isOneTooMany(auth.principal, extra)) return false;
          extra.member = members.join(auth.principal, authorization, extra.close);
          return !extra.member.hasEnded;
        }
        extra.close(auth.ok ? 'TOKEN_MISSING' : auth.code);
      } catch (error) {
        loggerFor(logger, extra.id).error({ err: error }, 'A socket could not be let in.');
        extra.close('INTERNAL_SERVER_ERROR');
      }
      return false;
    },

    onSubscribe({ extra: { member }, subscriptions }, _id, request) {
      // Its last events are under way, and then it is closed.
      if (!member || member.hasEnded) return [badUserInput('This socket is being closed.')];
      // The one that is asked for is among them already.
      if (Object.keys(subscriptions).length > limits.subscriptions)
        return [badUserInput(`A socket has at most ${limits.subscriptions} subscriptions. End one first.`)];
      try {
        const reading = read(request);
        if (!('document' in reading)) return reading;
        const contextValue: SubscriptionContext = {
          auth: { ok: true, principal: member.principal },
          feed: member.feed,
        };
        return { ...reading, contextValue };
      } catch (error) {
        return [unexpected(error)];
      }
    },
    subscribe: (args) => subscribe(args).catch((error: unknown) => ({ errors: [unexpected(error)] })),

    onNext: ({ extra }, _id, _request, _args, { errors, ...result }) => ({
      ...result,
      ...(errors && { errors: format(extra, errors) }),
    }),
    onError: ({ extra }, _id, _request, errors) => format(extra, errors),
  });
}
