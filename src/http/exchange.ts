import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Client } from '../actions/client';
import { clientOf } from './client';
import { createProxyTrust, type IsTrustedProxy, listIn } from './client-address';

/** The parts of Fastify's request and reply that are used. Typed by their form: a team has its own copy of Fastify. */
export interface FastifyRequestLike {
  readonly raw: IncomingMessage;
  readonly id: unknown;
}
export interface FastifyReplyLike {
  readonly raw: ServerResponse;
  getHeader(name: string): unknown;
  removeHeader(name: string): unknown;
  header(name: string, value: string | string[]): unknown;
}

/** Node's request and response, or those of Express, which are the same objects with more methods. */
export interface NodeArgument {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
}

/** What the context function of a GraphQL server is called with. */
export type ExchangeArguments = [argument: NodeArgument] | [FastifyRequestLike, FastifyReplyLike];

/** A request and its response, whatever the framework. */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly client: Client;
  readonly protocol: 'http' | 'https';
  /** Returns the value of a cookie as it was sent. */
  cookie(name: string): string | undefined;
  /** Sets a cookie, in place of one that this response has set before under the name. */
  setCookie(name: string, attributes: string): void;
}

export type ReadExchange = (...args: ExchangeArguments) => Exchange;

const REQUEST_ID = 'x-request-id';
const SET_COOKIE = 'set-cookie';

function protocolOf(
  { socket, headers }: IncomingMessage,
  isTrusted: IsTrustedProxy | false,
): Exchange['protocol'] {
  const told =
    isTrusted !== false && isTrusted(socket.remoteAddress ?? '', 0) && headers['x-forwarded-proto'];
  const said = told ? listIn(told).at(-1) : undefined;
  return said === 'https' || (said === undefined && 'encrypted' in socket) ? 'https' : 'http';
}

/** Creates a signal that aborts if the client disconnects before the response is complete. */
function clientGoneSignal(response: ServerResponse): AbortSignal {
  const controller = new AbortController();
  response.once('close', () => {
    if (!response.writableFinished) controller.abort();
  });
  return controller.signal;
}

/** Returns the id of the request: the one that the server in front gave it, or a new one, which the response then has. */
function idOf(response: ServerResponse, given: unknown): string {
  if (typeof given === 'string') return given;
  const known = response.getHeader(REQUEST_ID);
  if (typeof known === 'string') return known;
  const id = randomUUID();
  if (!response.headersSent) response.setHeader(REQUEST_ID, id);
  return id;
}

/** Returns the first cookie of this name (RFC 6265, section 5.4), without decoding it: ours have no escapes. */
function cookieOf({ headers }: IncomingMessage, name: string): string | undefined {
  const start = `${name}=`;
  const pair = (headers.cookie ?? '')
    .split(';')
    .map((text) => text.trim())
    .find((text) => text.startsWith(start));
  return pair?.slice(start.length).replace(/^"(.*)"$/, '$1');
}

/** Returns the cookies that a response sets, but for the one with this name. */
const cookiesIn = (header: unknown, name: string): string[] =>
  [header ?? []]
    .flat()
    .map(String)
    .filter((text) => !text.startsWith(`${name}=`));

/** @param trusted the number of trusted proxies, or their addresses and networks */
export function createExchangeReader(trusted: number | readonly string[] | false): ReadExchange {
  const isTrusted = createProxyTrust(trusted);
  return (...[argument, reply]: ExchangeArguments) => {
    const [request, response] =
      'req' in argument ? [argument.req, argument.res] : [argument.raw, (reply as FastifyReplyLike).raw];
    const id = idOf(response, 'req' in argument ? undefined : argument.id);
    if (reply && reply.getHeader(REQUEST_ID) === undefined) reply.header(REQUEST_ID, id);
    return {
      request,
      client: { ...clientOf(request, id, isTrusted), signal: clientGoneSignal(response) },
      protocol: protocolOf(request, isTrusted),
      cookie: (name) => cookieOf(request, name),
      setCookie(name, attributes) {
        const others = cookiesIn((reply ?? response).getHeader(SET_COOKIE), name);
        const cookies = [...others, `${name}=${attributes}`];
        if (reply) {
          // Fastify adds to what is there, and writes its own headers over those of the response.
          reply.removeHeader(SET_COOKIE);
          reply.header(SET_COOKIE, cookies);
        } else response.setHeader(SET_COOKIE, cookies);
      },
    };
  };
}
