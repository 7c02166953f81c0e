import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Pipelines } from './pipelines';

/** The most bytes of a request's body. Honest ones have a few KiB. */
export const BODY_LIMIT = 32 * 1024;

/** The messages of requests that never reached GraphQL, by status. */
const TRANSPORT_FAULTS: Record<number, string> = {
  400: 'The request is malformed. Send a JSON object with a "query".',
  403: 'This origin may not connect. Add it to CORS_ORIGINS.',
  404: 'Not found. The API is at /graphql.',
  408: 'The request took too long to arrive.',
  413: `The request is too large. The limit is ${BODY_LIMIT / 1024} KiB.`,
  414: 'The URL is too long.',
  415: 'Send the request as "Content-Type: application/json".',
  429: 'This address has too many sockets. Close one, or try again later.',
  431: 'The URL and headers are too large. The limit is 16 KiB.',
  503: 'This node is stopping, or has too many sockets. Try again.',
};

const CODES: Record<number, string> = {
  403: 'FORBIDDEN',
  404: 'NOT_FOUND',
  429: 'RATE_LIMITED',
  503: 'SERVICE_UNAVAILABLE',
};

/** @param retryAfter s until a retry makes sense */
export const transportError = (status: number, retryAfter?: number) => ({
  errors: [
    {
      message: TRANSPORT_FAULTS[status] ?? TRANSPORT_FAULTS[400],
      extensions: { code: CODES[status] ?? 'BAD_REQUEST', retryAfter },
    },
  ],
});

/** The status of Node's parser errors. All others are 400. */
const STATUS_OF_UNREADABLE: Record<string, number> = {
  HPE_HEADER_OVERFLOW: 431,
  ERR_HTTP_REQUEST_TIMEOUT: 408,
};

/** An error for a connection that Fastify does not answer on. */
export interface RawRefusal {
  readonly status: number;
  readonly code: string;
  readonly message: string;
  /** s until a retry makes sense */
  readonly retryAfter?: number;
  readonly headers?: Readonly<Record<string, string>>;
}

function writeRaw(connection: Duplex, status: number, answer: object, headers: Record<string, string>): void {
  if (!connection.writable) {
    connection.destroy();
    return;
  }
  const body = JSON.stringify(answer);
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    'content-type: application/json; charset=utf-8',
    `content-length: ${Buffer.byteLength(body)}`,
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    'connection: close',
  ];
  connection.end(`${head.join('\r\n')}\r\n\r\n${body}`, () => connection.destroy());
}

/**
 * Writes an error to a connection that Fastify does not answer on, and closes it.
 *
 * @param refusal the error, or a status that has a message above
 */
export function answerRaw(connection: Duplex, refusal: RawRefusal | number): void {
  if (typeof refusal === 'number') {
    writeRaw(connection, refusal, transportError(refusal), {});
    return;
  }
  const { status, code, message, retryAfter, headers } = refusal;
  const answer = { errors: [{ message, extensions: { code, retryAfter } }] };
  writeRaw(connection, status, answer, {
    ...headers,
    ...(retryAfter !== undefined && { 'retry-after': String(retryAfter) }),
  });
}

/** Creates the handler of input that is not HTTP. Responses to earlier requests on the connection go out first. */
export function createUnreadableHandler(pipelines: Pipelines) {
  // Node reports every further chunk after the first bad one.
  const known = new WeakSet<Socket>();
  return ({ code }: { code: string }, connection: Socket): void => {
    if (known.has(connection)) return;
    known.add(connection);
    pipelines.whenAnswered(connection, () => answerRaw(connection, STATUS_OF_UNREADABLE[code] ?? 400));
  };
}
