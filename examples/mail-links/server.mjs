// Serves the page, and passes its requests on to the auth server:
//
//   npm start                                   (in one terminal)
//   node examples/mail-links/server.mjs         (in another; then open a link that the first one printed)
//
import { readFile } from 'node:fs/promises';
import { createServer, request } from 'node:http';

const { PORT = '3000', AUTH_URL = 'http://127.0.0.1:4000' } = process.env;

const read = (name) => readFile(new URL(name, import.meta.url));
const [html, script] = await Promise.all([read('index.html'), read('page.mjs')]);

const HEADERS = {
  'cache-control': 'no-store',
  'content-security-policy':
    "default-src 'none'; script-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
};

/** Passes a request on. In production the same proxy is in front of page and auth server: see TRUST_PROXY. */
function passOn(incoming, outgoing) {
  const { method, headers } = incoming;
  const onward = request(`${AUTH_URL}/graphql`, {
    method,
    headers: { 'content-type': headers['content-type'] ?? '' },
  });
  onward.on('response', (response) => {
    outgoing.writeHead(response.statusCode, { 'content-type': response.headers['content-type'] });
    response.pipe(outgoing);
  });
  onward.on('error', () => {
    const errors = [{ message: `Start the auth server: ${AUTH_URL} cannot be reached.` }];
    outgoing.writeHead(502, { 'content-type': 'application/json' }).end(JSON.stringify({ errors }));
  });
  incoming.pipe(onward);
}

const server = createServer((incoming, outgoing) => {
  if (incoming.url === '/graphql') passOn(incoming, outgoing);
  else if (incoming.url === '/page.mjs')
    outgoing.writeHead(200, { ...HEADERS, 'content-type': 'text/javascript' }).end(script);
  else outgoing.writeHead(200, { ...HEADERS, 'content-type': 'text/html' }).end(html);
});
server.listen(Number(PORT), 'localhost', () => console.log(`The page is ready at http://localhost:${PORT}`));
process.once('SIGTERM', () => server.close());
