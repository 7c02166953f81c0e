// A Hive gateway in front of the auth server and the posts.
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createGatewayRuntime } from '@graphql-hive/gateway-runtime';

const { SUPERGRAPH = 'supergraph.graphql', PORT = '4002' } = process.env;

const HEADERS = ['authorization', 'user-agent', 'x-forwarded-for'];

const gateway = createGatewayRuntime({
  supergraph: await readFile(SUPERGRAPH, 'utf8'),
  maskedErrors: false,
  propagateHeaders: {
    // Only the auth server gets the refresh cookie, with the page that sent it, and only it sets one.
    fromClientToSubgraphs: ({ request, subgraphName }) =>
      Object.fromEntries(
        [...HEADERS, ...(subgraphName === 'auth' ? ['cookie', 'origin'] : [])].map((name) => [
          name,
          request.headers.get(name) ?? undefined,
        ]),
      ),
    fromSubgraphsToClient: ({ response, subgraphName }) =>
      subgraphName === 'auth' ? { 'set-cookie': response.headers.get('set-cookie') ?? undefined } : {},
  },
});

const server = createServer((req, res) => {
  const addresses = [req.headers['x-forwarded-for'], req.socket.remoteAddress];
  req.headers['x-forwarded-for'] = addresses.filter(Boolean).join(', ');
  return gateway(req, res);
});
server.listen(Number(PORT), () => console.log(`The gateway is ready at http://localhost:${PORT}/graphql`));
process.once('SIGTERM', () => {
  server.close();
  server.closeAllConnections();
  void gateway.dispose();
});
