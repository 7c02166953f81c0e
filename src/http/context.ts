import DataLoader from 'dataloader';
import { originOf } from '../actions/client';
import type { Shape } from '../core/shape';
import type { Context } from '../graphql/context';
import { outcomeOf } from '../graphql/outcome';
import { type AddedContext, contextOf } from '../graphql/own-context';
import { authorizationOf } from '../guard/request';
import type { AppOptions } from './app-options';
import { createExchangeReader, type ExchangeArguments } from './exchange';
import { createOriginCheck } from './origin';
import { createRefreshCookie } from './refresh-cookie';

export type ContextOptions = Pick<
  AppOptions,
  'actions' | 'guard' | 'recordRefusal' | 'issuer' | 'corsOrigins' | 'trustProxy' | 'operationTimeout'
>;

/**
 * Creates the context of one request. Call it with what the GraphQL server passes to its context function: `{ req, res }`,
 * or Fastify's request and reply.
 */
export type CreateContext<S extends Shape = Shape> = (
  ...args: ExchangeArguments
) => Promise<AddedContext<Context, S>>;

export function createContext(options: ContextOptions): CreateContext {
  const { actions, guard, recordRefusal, operationTimeout } = options;
  const readExchange = createExchangeReader(options.trustProxy);
  const refreshCookie = createRefreshCookie(options.issuer, createOriginCheck(options));

  return async (...args) => {
    const exchange = readExchange(...args);
    const { client, request } = exchange;
    const outcome = outcomeOf(request);
    const authenticate = () => guard.authenticate(authorizationOf(request));
    const auth = await authenticate();
    // Honest clients send expired and revoked tokens every day, but not invalid ones.
    if (!auth.ok && auth.code === 'TOKEN_INVALID')
      recordRefusal({ type: 'ACCESS_TOKEN_REFUSED', ...originOf(client) });
    if (auth.ok) outcome.userId = auth.principal.userId;
    const own: Context = {
      auth,
      authenticate,
      hasMutated: false,
      deadline: performance.now() + operationTimeout,
      client,
      outcome,
      refreshCookie: refreshCookie.read(exchange),
      setRefreshCookie: (token, expiresAt) => refreshCookie.set(exchange, token, expiresAt),
      clearRefreshCookie: () => refreshCookie.clear(exchange),
      receipts: [],
      users: new DataLoader((ids) => actions.findUsers(ids)),
      sessions: new DataLoader((users) => actions.listSessions(users), { cache: false }),
    };
    return contextOf(own);
  };
}
