import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { GraphQLSchema } from 'graphql';
import type { Api } from '../actions/api';
import type { ServiceOptions } from '../config/options';
import type { Clock } from '../core/clock';
import type { Hooks, Sql } from '../core/ports/hooks';
import type { Logger } from '../core/ports/logger';
import type { ClaimsCallback } from '../core/ports/own-claims';
import type { ClaimsOf, Shape } from '../core/shape';
import type { ApolloBounds } from '../graphql/apollo-bounds';
import type { ExchangeArguments } from '../http/exchange';
import type { AuthResult } from '../guard/guard';
import type { GuardedSocket, TellingGuard } from '../guard/graphql-ws';

// The types of `tokenfence/server`. They name no package but graphql: an application need not have the types of all that
// the service is made of, and may have another copy of Apollo or Fastify.

/** What a start takes besides the settings. */
export interface OpenOptions {
  /** Where the service writes its log: pino, or anything with these methods. JSON on standard output if left out. */
  readonly logger?: Logger;
  /** Ends a start that waits for another node. */
  readonly signal?: AbortSignal;
  /** For tests. The system's if left out. */
  readonly clock?: Clock;
  /** Functions of yours that take part in changes of accounts. */
  readonly hooks?: Hooks;
  /** ms that a hook, or `claims`, may take: 100 to 10000. 5000 if left out. */
  readonly hookTimeout?: number;
  /** Whether the start runs migrations. True if left out. Otherwise call `migrate`. */
  readonly migrate?: boolean;
}

/** The settings in code, and what only code can give. */
export interface TokenfenceOptions<S extends Shape = Shape> extends ServiceOptions, OpenOptions {
  /** Returns claims of yours for every access token. They are in `principal.claims`. */
  readonly claims?: ClaimsCallback<ClaimsOf<S>>;
}

/** The context of a request: `auth`, for `requireUser`, and what our own resolvers need. */
export interface TokenfenceContext<S extends Shape = Shape> {
  auth: AuthResult<S>;
  readonly tokenfence: object;
}

/** A plugin of Apollo Server. */
export interface ApolloPlugin {
  /* eslint-disable @typescript-eslint/no-explicit-any -- the types are Apollo's */
  serverWillStart?(service: any): Promise<any>;
  requestDidStart?(requestContext: any): Promise<any>;
  unexpectedErrorProcessingRequest?(failure: any): Promise<void>;
  /* eslint-enable @typescript-eslint/no-explicit-any */
}

/** What graphql-ws knows of a socket. */
export interface WsContext {
  readonly connectionParams?: Readonly<Record<string, unknown>>;
  readonly extra: { readonly socket: GuardedSocket };
}

/** Options for `useServer` of graphql-ws. */
export interface WsHooks {
  onConnect(context: WsContext): Promise<boolean>;
  /** Returns GraphQL errors if the operation must not run. */
  onSubscribe(context: WsContext): Promise<readonly never[] | undefined>;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- the arguments of an execution
  onNext(context: WsContext, id: string, payload: unknown, args: any): Promise<{ data: null } | undefined>;
  context(context: WsContext): TokenfenceContext;
}

/** A schema in the form in which teams combine it with theirs. */
export interface ComposableSchema {
  /** The schema as text. */
  readonly typeDefs: string;
  /** A map of resolvers in the form of graphql-tools, which other tools take too. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- every tool has a type of its own
  readonly resolvers: Record<string, any>;
}

/** The service inside a process of yours. */
export interface Tokenfence<S extends Shape = Shape> extends ComposableSchema {
  /** The schema alone, made executable, as our own server serves it. */
  readonly schema: GraphQLSchema;
  /** The parts for `buildSubgraphSchema`: with the key of `User`, for a subgraph of yours. */
  readonly subgraph: ComposableSchema;
  /** Limits, HTTP statuses, receipts in the extensions, and the check of the token before each mutation. */
  readonly apolloPlugin: ApolloPlugin;
  /** The further bounds of our own server. They hold for every operation, and mask every unexpected error. */
  readonly apolloOptions: ApolloBounds;
  /**
   * Creates the context of one request. It takes what the GraphQL server gives to its context function: `{ req, res }`, or
   * Fastify's request and reply.
   */
  readonly context: (...args: ExchangeArguments) => Promise<TokenfenceContext<S>>;
  /** The HTTP beside /graphql, as a plugin of Fastify: `app.register(auth.fastify)`. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- any instance of Fastify, of any copy and type
  readonly fastify: (scope: any, options: object) => Promise<void>;
  /** The same as a middleware of Express: `app.use(auth.express)`. */
  readonly express: (
    request: IncomingMessage,
    response: ServerResponse,
    next: (error?: unknown) => void,
  ) => void;
  /** The same for a server of Node. Returns false, with nothing read or written, if the path is not one of ours. */
  readonly node: (request: IncomingMessage, response: ServerResponse) => boolean;
  /**
   * Takes a request for a WebSocket at /follow, where services follow this node. Returns false, with nothing read or
   * written, if the path is not that one: `server.on('upgrade', (...args) => auth.upgrade(...args) || yours(...args))`.
   */
  readonly upgrade: (request: IncomingMessage, socket: Duplex, head: Buffer) => boolean;
  readonly graphqlWs: WsHooks;
  /** Checks tokens: for `expressGuard`, `fastifyGuard` and your own code. */
  readonly guard: TellingGuard<S>;
  /** Every use case, for your own code: without tokens, roles and limits. */
  readonly api: Api;
  /** Runs SQL on our connections, outside of a transaction: your tables beside ours, in the embedded mode too. */
  readonly sql: Sql;
  /** Returns the metrics in the format of Prometheus. */
  readonly metrics: () => Promise<{ readonly contentType: string; readonly text: string }>;
  /** Makes `/readyz` answer 503, and asks services that follow this node to move to another one. */
  announceStop(): void;
  /** Closes every connection. Stop your servers first. */
  close(): Promise<void>;
}
