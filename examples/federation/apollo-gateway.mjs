// A gateway of Apollo in front of the auth server and the posts.
import { readFile } from 'node:fs/promises';
import { ApolloGateway, RemoteGraphQLDataSource } from '@apollo/gateway';
import { ApolloServer } from '@apollo/server';
import { startStandaloneServer } from '@apollo/server/standalone';

const { SUPERGRAPH = 'supergraph.graphql', PORT = '4002' } = process.env;

/** Passes on who asks. */
class Subgraph extends RemoteGraphQLDataSource {
  headers = ['authorization', 'user-agent'];

  willSendRequest({ request, context: { req } }) {
    // Undefined while the gateway starts.
    if (!req) return;
    for (const name of this.headers) {
      if (req.headers[name]) request.http.headers.set(name, req.headers[name]);
    }
    const addresses = [req.headers['x-forwarded-for'], req.socket.remoteAddress];
    request.http.headers.set('x-forwarded-for', addresses.filter(Boolean).join(', '));
  }
}

/** Only the auth server gets the refresh cookie, with the page that sent it, and only it sets one. */
class AuthSubgraph extends Subgraph {
  headers = ['authorization', 'user-agent', 'cookie', 'origin'];

  didReceiveResponse({ response, context: { res } }) {
    const cookie = response.http.headers.get('set-cookie');
    if (cookie) res?.setHeader('set-cookie', cookie);
    return response;
  }
}

const gateway = new ApolloGateway({
  supergraphSdl: await readFile(SUPERGRAPH, 'utf8'),
  buildService: ({ name, url }) => (name === 'auth' ? new AuthSubgraph({ url }) : new Subgraph({ url })),
});
const server = new ApolloServer({ gateway, includeStacktraceInErrorResponses: false });
const { url } = await startStandaloneServer(server, {
  context: async ({ req, res }) => ({ req, res }),
  listen: { port: Number(PORT) },
});
console.log(`The gateway is ready at ${url}`);
