import { createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { ApolloServer } from '@apollo/server';
import { expressMiddleware } from '@as-integrations/express5';
import { fastifyApolloHandler } from '@as-integrations/fastify';
import express from 'express';
import fastify from 'fastify';
import { verify } from 'jsonwebtoken';
import { Pool } from 'pg';
import { apolloContext, type ContextArgument, createGuard } from '../../src/index';
import { answerOrders } from './helper';
import { SETTINGS } from './settings';

/** The ways in which a service checks tokens. */
export type Check = 'none' | 'view' | 'redis' | 'stateless' | 'sql';

export interface ServiceOrder {
  readonly framework: 'express' | 'fastify';
  readonly check: Check;
  /** The auth server. */
  readonly authUrl: string;
  readonly redisUrl: string;
  readonly databaseUrl: string;
}

export interface ServiceResult {
  readonly url: string;
}

interface ServiceContext {
  readonly userId: string;
}

type ContextFunction = (argument: ContextArgument) => Promise<ServiceContext>;

const bearerOf = (argument: ContextArgument) => {
  const { headers } = 'req' in argument ? argument.req : 'request' in argument ? argument.request : argument;
  return (headers as { authorization: string }).authorization.slice('Bearer '.length);
};

async function contextOf({ check, authUrl, redisUrl, databaseUrl }: ServiceOrder): Promise<ContextFunction> {
  if (check === 'none') return () => Promise.resolve({ userId: 'anyone' });
  const jwks = `${authUrl}/.well-known/jwks.json`;
  if (check === 'view' || check === 'redis') {
    const { ISSUER: issuer, INTROSPECTION_SECRET: secret } = SETTINGS;
    const guard = await createGuard(
      check === 'view'
        ? { issuer, server: authUrl, audience: 'api', secret }
        : {
            ...{ issuer, audience: 'api', jwks, redis: redisUrl, view: false },
            introspection: { url: `${authUrl}/oauth/introspect`, secret },
          },
    );
    const context = apolloContext(guard);
    return async (argument) => {
      const { auth } = await context(argument);
      if (!auth.ok) throw new Error(auth.code);
      return { userId: auth.principal.userId };
    };
  }

  // A service with only the library, and one that also looks the user up.
  const { keys } = (await (await fetch(jwks)).json()) as { keys: JsonWebKey[] };
  const key: KeyObject = createPublicKey({ key: keys[0] as JsonWebKey, format: 'jwk' });
  const verified = (argument: ContextArgument) =>
    verify(bearerOf(argument), key, {
      algorithms: ['ES256'],
      issuer: SETTINGS.ISSUER,
      audience: 'api',
    }) as { sub: string; tokenVersion: number };
  if (check === 'stateless') return (argument) => Promise.resolve({ userId: verified(argument).sub });
  const pool = new Pool({ connectionString: databaseUrl });
  return async (argument) => {
    const { sub, tokenVersion } = verified(argument);
    const { rows } = await pool.query<{ token_version: number }>(
      'select token_version from users where id = $1',
      [sub],
    );
    if (rows[0]?.token_version !== tokenVersion) throw new Error('revoked');
    return { userId: sub };
  };
}

/** A minimal Apollo service with one field, so that only the request and the check take time. */
async function serve(order: ServiceOrder): Promise<ServiceResult> {
  const context = await contextOf(order);
  const apollo = new ApolloServer<ServiceContext>({
    typeDefs: 'type Query { me: ID! }',
    resolvers: { Query: { me: (_parent: unknown, _args: unknown, { userId }: ServiceContext) => userId } },
  });
  await apollo.start();
  if (order.framework === 'fastify') {
    const app = fastify();
    app.route({ method: 'POST', url: '/graphql', handler: fastifyApolloHandler(apollo, { context }) });
    return { url: await app.listen({ host: '127.0.0.1', port: 0 }) };
  }
  const app = express();
  app.use('/graphql', express.json(), expressMiddleware(apollo, { context }));
  return new Promise((resolve) => {
    const server = app.listen(0, '127.0.0.1', () =>
      resolve({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }),
    );
  });
}

answerOrders(serve);
