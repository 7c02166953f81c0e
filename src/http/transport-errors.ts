import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { OwedAnswers } from './owed-answers';

/** Bytes of a request's body. The longest honest one is a few KiB. */
export const BODY_LIMIT = 32 * 1024;

/** What a client is told of a request that never reached GraphQL, by its status. */
const TRANSPORT_FAULTS: Record<number, string> = {
  400: 'The request is malformed. Send a JSON object with a "query".',
  403: 'Pages of this origin may not connect. The service names those that may in CORS_ORIGINS.',
  404: 'There is nothing here. The API is at /graphql.',
  408: 'The request took too long to arrive.',
  413: `The request is too large. At most ${BODY_LIMIT / 1024} KiB are read.`,
  414: 'The address is too long.',
  415: 'Send the request as "Content-Type: application/json".',
  429: 'This address has too many sockets. Close one, or try again later.',
  431: 'The address and the headers are too large. At most 16 KiB are read.',
  503: 'This node is stopping, or serves as many sockets as it can. Try again.',
};

const CODES: Record<number, string> = {
  403: 'FORBIDDEN',
  404: 'NOT_FOUND',
  429: 'RATE_LIMITED',
  503: 'SERVICE_UNAVAILABLE',
};

/** @param retryAfter s after which another attempt makes sense, if that can be said */
export const transportError = (status: number, retryAfter?: number) => ({
  errors: [
    {
      message: TRANSPORT_FAULTS[status] ?? TRANSPORT_FAULTS[400],
      extensions: { code: CODES[status] ?? 'BAD_REQUEST', retryAfter },
    },
  ],
});

/** What Node says of a request that it could not read, where that is not simply malformed. */
const STATUS_OF_UNREADABLE: Record<string, number> = {
  HPE_HEADER_OVERFLOW: 431,
  ERR_HTTP_REQUEST_TIMEOUT: 408,
};

/**
 * Answers on a connection that no answer of Fastify is assigned to, and ends it.
 *
 * @param status one of those that have a sentence above
 */
export function answerRaw(connection: Socket, status: number): void {
  if (!connection.writable) {
    connection.destroy();
    return;
  }
  const body = JSON.stringify(transportError(status));
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    'content-type: application/json; charset=utf-8',
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  ];
  connection.end(`${head.join('\r\n')}\r\n\r\n${body}`, () => connection.destroy());
}

/**
 * Answers what could not be read as HTTP, so that there is no request which Fastify could answer. The answers to earlier
 * requests on the connection come first.
 */
export function createUnreadableHandler(owed: OwedAnswers) {
  // Node tells of each piece that arrives after the first that it could not read.
  const known = new WeakSet<Socket>();
  return ({ code }: { code: string }, connection: Socket): void => {
    if (known.has(connection)) return;
    known.add(connection);
    // The rest of a request that was read in part does not come, and so no answer of Fastify.
    owed.whenAnswered(connection, () => answerRaw(connection, STATUS_OF_UNREADABLE[code] ?? 400), {
      butReading: true,
    });
  };
}
