import { createReadStream, existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { transportError } from './transport-errors';

/** The files of the page, and what they are. */
const FILES: ReadonlyMap<string, string> = new Map([
  ['graphiql.css', 'text/css; charset=utf-8'],
  ...['graphiql', 'graphql-ws', 'page', 'editor.worker', 'graphql.worker', 'json.worker'].map(
    (name) => [`${name}.js`, 'text/javascript; charset=utf-8'] as const,
  ),
]);

/** Only scripts of this server run. The editor writes its styles into the page. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "worker-src 'self'",
  "connect-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  'font-src data:',
  'img-src data:',
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join(';');

/** GraphiQL, at the address of the API. */
export interface Graphiql {
  /** Whether a browser is about to show the answer as a page. */
  isWanted(request: FastifyRequest): boolean;
  sendPage(reply: FastifyReply): FastifyReply;
}

/** Returns the folder that GraphiQL was built into, if it is installed. */
function findFolder(): string | undefined {
  try {
    const folder = join(dirname(require.resolve('tokenfence-server/package.json')), 'dist/graphiql');
    return existsSync(folder) ? folder : undefined;
  } catch {
    return undefined;
  }
}

/** Adds the files of GraphiQL below `/graphiql`. Returns undefined if it is not installed. */
export function addGraphiql(app: FastifyInstance): Graphiql | undefined {
  const folder = findFolder();
  if (folder === undefined) return undefined;
  const send = (reply: FastifyReply, file: string, type: string) =>
    reply
      .header('cache-control', 'no-store')
      .type(type)
      .send(createReadStream(join(folder, file)));

  app.get<{ Params: { file: string } }>('/graphiql/:file', (request, reply) => {
    const { file } = request.params;
    const type = FILES.get(file);
    return type === undefined ? reply.code(404).send(transportError(404)) : send(reply, file, type);
  });
  return {
    isWanted: ({ method, headers }) => method === 'GET' && headers.accept?.includes('text/html') === true,
    sendPage: (reply) =>
      send(reply.header('content-security-policy', POLICY), 'index.html', 'text/html; charset=utf-8'),
  };
}
