import { ApolloServer } from '@apollo/server';
import { startStandaloneServer } from '@apollo/server/standalone';
import fastifyApollo from '@as-integrations/fastify';
import Fastify from 'fastify';
import type { GraphQLSchema } from 'graphql';
import { Authorized, buildSchema, Ctx, ID, Query, Resolver } from 'type-graphql';
import {
  apolloContext,
  type AuthContext,
  requireUser,
  typeGraphqlAuthChecker,
} from '../../../src/guard/apollo';
import type { Requirement } from '../../../src/core/shape';
import type { Guard } from '../../../src/guard/guard';
import { type Adapter, RECENT, send, type Service, type Want } from './adapter';
import { schema } from './schema';

const unauthenticated = (reason: string) => ({ status: 401, code: 'UNAUTHENTICATED', reason });

const sees: Adapter['sees'] = {
  TOKEN_MISSING: unauthenticated('TOKEN_MISSING'),
  TOKEN_INVALID: unauthenticated('TOKEN_INVALID'),
  TOKEN_EXPIRED: unauthenticated('TOKEN_EXPIRED'),
  TOKEN_REVOKED: unauthenticated('TOKEN_REVOKED'),
  FORBIDDEN: { status: 403, code: 'FORBIDDEN' },
  TOO_OLD: { status: 401, code: 'INSUFFICIENT_USER_AUTHENTICATION', maxAge: 300 },
  SERVICE_UNAVAILABLE: { status: 503, code: 'SERVICE_UNAVAILABLE' },
  FAULT: { status: 500, code: 'INTERNAL_SERVER_ERROR' },
};

const serviceAt = (url: string, close: () => Promise<unknown>): Service => ({
  async ask(authorizations, want: Want = 'user') {
    const body = JSON.stringify({ query: `{ ${want} }` });
    const { status, text } = await send(url, authorizations, { method: 'POST', body });
    const answer = JSON.parse(text);
    if (answer.data?.[want]) return { userId: answer.data[want] };
    const { code, reason, maxAge } = answer.errors[0].extensions;
    return { status, code, ...(reason && { reason }), ...(maxAge && { maxAge }) };
  },
  close,
});

const newApollo = (of: GraphQLSchema) =>
  new ApolloServer<AuthContext>({
    schema: of,
    includeStacktraceInErrorResponses: false,
    stopOnTerminationSignals: false,
  });

async function standalone(of: GraphQLSchema, guard: Guard): Promise<Service> {
  const server = newApollo(of);
  const { url } = await startStandaloneServer(server, {
    context: apolloContext(guard),
    listen: { port: 0, host: '127.0.0.1' },
  });
  return serviceAt(url, () => server.stop());
}

@Resolver()
class Users {
  @Authorized()
  @Query(() => ID)
  user(@Ctx() context: AuthContext): string {
    return requireUser(context).userId;
  }

  // Of several requirements, one is enough.
  @Authorized<Requirement>('ADMIN', RECENT)
  @Query(() => ID)
  recent(@Ctx() context: AuthContext): string {
    return requireUser(context).userId;
  }

  @Authorized('ADMIN')
  @Query(() => ID)
  admin(@Ctx() context: AuthContext): string {
    return requireUser(context).userId;
  }
}

export const apollo: Adapter = {
  name: 'Apollo Server',
  sees,
  start: (guard) => standalone(schema, guard),
};

export const apolloOnFastify: Adapter = {
  name: 'Apollo Server on Fastify',
  sees,
  async start(guard) {
    const server = newApollo(schema);
    const app = Fastify();
    await server.start();
    await app.register(fastifyApollo(server), { context: apolloContext(guard) });
    const url = await app.listen({ port: 0, host: '127.0.0.1' });
    return serviceAt(`${url}/graphql`, () => app.close().then(() => server.stop()));
  },
};

export const typeGraphql: Adapter = {
  name: 'type-graphql',
  sees,
  start: async (guard) =>
    standalone(await buildSchema({ resolvers: [Users], authChecker: typeGraphqlAuthChecker() }), guard),
};
