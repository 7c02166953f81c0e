import * as apollo4 from '@apollo/client';
import * as urql from '@urql/core';
import { gzipSync } from 'node:zlib';
import { join } from 'node:path';
import { build } from 'esbuild';
import { type DocumentNode, parse } from 'graphql';
import type { Session } from '../../src/client/index';
import { API_URL, refused } from './fake-server';
import { createFakeWorld } from './fake-session';

// Its types are for ES modules.
const apollo3 = jest.requireActual('apollo-client-3/core');

type Ask = (document: DocumentNode) => Promise<string>;

/** Every client of GraphQL, with the one thing that it needs. */
const CLIENTS: Record<string, (session: Session) => Ask> = {
  'Apollo Client 4': ({ fetch }) => {
    const link = new apollo4.HttpLink({ uri: API_URL, fetch });
    const client = new apollo4.ApolloClient({ link, cache: new apollo4.InMemoryCache() });
    return (query) =>
      client
        .query({ query, fetchPolicy: 'no-cache', context: { queryDeduplication: false } })
        .then(({ data }: any) => data.whoami)
        .catch((error: unknown) => (error as any).errors[0].extensions.reason);
  },
  'Apollo Client 3.14': ({ fetch }) => {
    const link = new apollo3.HttpLink({ uri: API_URL, fetch });
    const client = new apollo3.ApolloClient({ link, cache: new apollo3.InMemoryCache() });
    return (query) =>
      client
        .query({ query, fetchPolicy: 'no-cache', context: { queryDeduplication: false } })
        .then(({ data }: any) => data.whoami)
        .catch((error: any) => error.graphQLErrors[0].extensions.reason);
  },
  urql: ({ fetch }) => {
    const client = new urql.Client({
      ...{ url: API_URL, fetch, exchanges: [urql.fetchExchange], preferGetMethod: false },
    });
    let request = 0;
    return async (document) => {
      // Otherwise urql would join equal queries into one request.
      const { data, error } = await client.query(document, { request: ++request }).toPromise();
      return data?.whoami ?? error?.graphQLErrors[0]?.extensions.reason;
    };
  },
};

test.each(Object.entries(CLIENTS))(
  '%s needs nothing but the fetch: twenty refused requests are served after one refresh, until the session ends',
  async (_name, createAsk) => {
    const { openSignedIn, server } = createFakeWorld();
    const { session, ends } = await openSignedIn();
    const ask = createAsk(session);
    const askTwenty = async () =>
      new Set(await Promise.all(Array.from({ length: 20 }, () => ask(parse('{ whoami }')))));
    server.refusal = (reason) => refused({ code: 'UNAUTHENTICATED', reason }, 200);
    server.revokeTokens();
    const { refreshes } = server;
    expect([await askTwenty(), server.requests.length]).toEqual([new Set(['ada']), 40]);
    expect(server.refreshes).toBe(refreshes + 1);
    server.endSession();
    expect(await askTwenty()).toEqual(new Set(['TOKEN_REVOKED']));
    expect([ends, server.refreshes]).toEqual([['ended'], refreshes + 2]);
  },
);

test('the client is under 4 kB, minified and compressed', async () => {
  const { outputFiles } = await build({
    ...{ entryPoints: [join(__dirname, '../../src/client/index.ts')], bundle: true, minify: true },
    ...{ write: false, format: 'esm', target: 'es2022' },
  });
  expect(gzipSync(outputFiles[0]!.contents, { level: 9 }).length).toBeLessThan(4_096);
});
