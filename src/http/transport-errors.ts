import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';

/** Bytes of a request's body. The longest honest one is a few KiB. */
export const BODY_LIMIT = 128 * 1024;

/** What a client is told of a request that never reached GraphQL, by its status. */
const TRANSPORT_FAULTS: Record<number, string> = {
  400: 'The request is malformed. Send a JSON object with a "query".',
  403: 'Pages of this origin may not connect. The service names those that may in CORS_ORIGINS.',
  404: 'There is nothing here. The API is at /graphql.',
  408: 'The request took too long to arrive.',
  413: `The request is too large. At most ${BODY_LIMIT / 1024} KiB are read.`,
  414: 'The address is too long.',
  415: 'Send the request as "Content-Type: application/json".',
  431: 'The address and the headers are too large. At most 16 KiB are read.',
};

const CODES: Record<number, string> = { 403: 'FORBIDDEN', 404: 'NOT_FOUND' };

export const transportError = (status: number) => ({
  errors: [
    {
      message: TRANSPORT_FAULTS[status] ?? TRANSPORT_FAULTS[400],
      extensions: { code: CODES[status] ?? 'BAD_REQUEST' },
    },
  ],
});

/** What Node says of a request that it could not read, where that is not simply malformed. */
const STATUS_OF_UNREADABLE: Record<string, number> = {
  HPE_HEADER_OVERFLOW: 431,
  ERR_HTTP_REQUEST_TIMEOUT: 408,
};

/** Answers what could not be read as HTTP, so that there is no request yet which Fastify could answer. */
export function answerUnreadable({ code }: { code: string }, socket: Socket): void {
  if (!socket.writable) return;
  const status = STATUS_OF_UNREADABLE[code] ?? 400;
  const body = JSON.stringify(transportError(status));
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    'content-type: application/json; charset=utf-8',
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy());
}
