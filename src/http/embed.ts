import { randomUUID } from 'node:crypto';
import type { ApolloServerPlugin } from '@apollo/server';
import type { GraphQLSchema } from 'graphql';
import { createApolloBounds } from '../graphql/apollo';
import type { ApolloBounds } from '../graphql/apollo-bounds';
import type { Shape } from '../core/shape';
import { composable, type ComposableSchema, executable } from '../graphql/compose';
import { createPresenter } from '../graphql/errors';
import type { AddedContext } from '../graphql/own-context';
import { createOwnFields } from '../graphql/own-fields';
import { createRequestPlugin } from '../graphql/request-plugin';
import { createSchema } from '../graphql/schema';
import { subgraphParts } from '../graphql/subgraph';
import {
  createGraphqlWsHooks,
  type GraphqlWsHooksOptions,
  type OwnGraphqlWsHooks,
} from '../subscriptions/graphql-ws-hooks';
import type { AppOptions } from './app-options';
import { createClientReader } from './client';
import { type ContextOptions, createContext, type CreateContext } from './context';
import { createFollowUpgrade, type FollowOptions, type UpgradeHandler } from './follow';
import { createNodeRoutes, type ExpressHandler, type NodeHandler } from './node-handler';
import { addSideRoutes, type SideRoutesOptions } from './side-routes';

export type EmbedOptions = ContextOptions &
  SideRoutesOptions &
  FollowOptions &
  Pick<AppOptions, 'federation' | 'httpStatus'> &
  Omit<GraphqlWsHooksOptions, 'clientOf'>;

/** A plugin of Fastify. Typed by its form: a team has its own copy of Fastify. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- any instance of Fastify, of any copy and type
export type FastifySideRoutes = (scope: any, options: object) => Promise<void>;

/** What a GraphQL server and an HTTP server take to have the service in them. */
export interface Embedded<S extends Shape = Shape> extends ComposableSchema {
  /** The schema alone, made executable, as our own server serves it. */
  readonly schema: GraphQLSchema;
  /** The same for `buildSubgraphSchema`: with the key of `User`, for a subgraph of yours. */
  readonly subgraph: ComposableSchema;
  /** Limits, HTTP statuses, receipts in the extensions, and the check of the token before each mutation. */
  readonly apolloPlugin: ApolloServerPlugin<Partial<AddedContext>>;
  /** The further bounds of our own server. They hold for every operation, and mask every unexpected error. */
  readonly apolloOptions: ApolloBounds;
  readonly context: CreateContext<S>;
  /** The HTTP beside /graphql. */
  readonly fastify: FastifySideRoutes;
  readonly express: ExpressHandler;
  readonly node: NodeHandler;
  readonly upgrade: UpgradeHandler;
  /** Options for `useServer` of graphql-ws. */
  readonly graphqlWs: OwnGraphqlWsHooks;
}

/** Makes the service fit into servers. Call `close` when they have stopped. */
export function embed(options: EmbedOptions): { embedded: Embedded; close: () => Promise<void> } {
  const { actions } = options;
  const own = createSchema(actions, options);
  const present = createPresenter(options);
  const parts = composable(own, present);
  const requestIds = new WeakMap<object, string | undefined>();
  const routes = createNodeRoutes(options);
  const clientOf = createClientReader(options.trustProxy);
  const sockets = createGraphqlWsHooks({
    ...options,
    clientOf: (raw) => clientOf({ raw, id: randomUUID() }),
  });
  const embedded: Embedded = {
    ...parts,
    schema: executable(parts),
    subgraph: subgraphParts(parts, present),
    apolloPlugin: createRequestPlugin({ ...options, requestIds, own: createOwnFields(own) }),
    apolloOptions: createApolloBounds({ ...options, requestIds }),
    context: createContext(options),
    fastify: (scope: Parameters<typeof addSideRoutes>[0]) => addSideRoutes(scope, options),
    express: routes.express,
    node: routes.node,
    upgrade: createFollowUpgrade(options),
    graphqlWs: sockets.hooks,
  };
  const close = async () => {
    await options.door.stop();
    sockets.close();
    await routes.close();
  };
  return { embedded, close };
}
