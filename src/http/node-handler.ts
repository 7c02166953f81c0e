import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import fastify, { type FastifyInstance } from 'fastify';
import { addSideRoutes, sidePaths, type SideRoutesOptions } from './side-routes';
import { BODY_LIMIT, transportError } from './transport-errors';
import { createVerifyHandler } from './verify';

/**
 * Answers a request if its path is one of ours. Returns whether it is; if not, nothing was read or written, and the
 * caller answers.
 */
export type NodeHandler = (request: IncomingMessage, response: ServerResponse) => boolean;

/** The middleware of Express. */
export type ExpressHandler = (
  request: IncomingMessage,
  response: ServerResponse,
  next: (error?: unknown) => void,
) => void;

export interface NodeRoutes {
  readonly node: NodeHandler;
  readonly express: ExpressHandler;
  close(): Promise<void>;
}

/** Writes what a parser of Express has made of JSON or a form as that again. */
function textOf(body: unknown, type = ''): string | Buffer {
  if (typeof body === 'string' || Buffer.isBuffer(body)) return body;
  if (/^application\/json\b/i.test(type)) return JSON.stringify(body);
  const fields = Object.entries((body ?? {}) as Record<string, unknown>);
  return new URLSearchParams(
    fields.flatMap(([name, value]) => [value].flat().map((each): [string, string] => [name, String(each)])),
  ).toString();
}

/** Gives Fastify a body that the application has read before. Fastify would wait forever for the end of the request. */
function addReadBodies(app: FastifyInstance): void {
  app.addHook('preParsing', (request, _reply, payload, done) => {
    const { body } = request.raw as { body?: unknown };
    if (body === undefined && !request.raw.readableEnded) {
      done(null, payload);
      return;
    }
    const again = Readable.from([textOf(body, request.headers['content-type'])]);
    const receivedEncodedLength = Number(request.headers['content-length'] ?? 0);
    done(null, Object.assign(again, { receivedEncodedLength }));
  });
}

async function createRoutes(options: SideRoutesOptions): Promise<FastifyInstance> {
  const app = fastify({
    bodyLimit: BODY_LIMIT,
    genReqId: () => randomUUID(),
    requestIdHeader: false,
    return503OnClosing: false,
  });
  addReadBodies(app);
  app.setNotFoundHandler((_request, reply) => reply.code(404).send(transportError(404)));
  await app.register((scope) => addSideRoutes(scope, options));
  await app.ready();
  return app;
}

/** Serves the HTTP beside /graphql on any server of Node, by an instance of Fastify that never listens. */
export function createNodeRoutes(options: SideRoutesOptions): NodeRoutes {
  const paths = sidePaths(options);
  let routes: Promise<FastifyInstance> | undefined;
  const check = createVerifyHandler(options);
  const node: NodeHandler = (request, response) => {
    if (check(request, response)) return true;
    const [path = ''] = (request.url ?? '').split('?', 1);
    if (!paths.includes(path)) return false;
    routes ??= createRoutes(options);
    routes.then(
      (app) => app.routing(request, response),
      (error: unknown) => {
        options.logger.error({ err: error }, 'Unexpected error in a request.');
        response.writeHead(500).end();
      },
    );
    return true;
  };
  return {
    node,
    express(request, response, next) {
      if (!node(request, response)) next();
    },
    close: async () => {
      await (await routes?.catch(() => undefined))?.close();
    },
  };
}
