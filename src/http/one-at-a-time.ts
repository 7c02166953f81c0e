import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** The most requests that wait on one connection. Reading pauses at this number. */
const MOST_WAITING = 100;

/**
 * Serves the requests of a connection one after the other, with a turn of the event loop in between. With pipelining
 * (RFC 9112, section 9.3.2), Node would start all requests of one packet in the same turn. Responses go out in order
 * anyway.
 */
export function serveOneAtATime(server: Server): void {
  const serve = server.listeners('request') as RequestListener[];
  server.removeAllListeners('request');
  /** The waiting requests of each connection that has one in progress. */
  const lines = new WeakMap<Socket, (() => void)[]>();

  const begin = (request: IncomingMessage, response: ServerResponse, line: (() => void)[]) => {
    const { socket } = request;
    response.once('close', () => {
      const next = line.shift();
      if (line.length === MOST_WAITING - 1) socket.resume();
      if (!next) lines.delete(socket);
      else setImmediate(next);
    });
    for (const each of serve) each.call(server, request, response);
  };

  server.on('request', (request, response) => {
    const { socket } = request;
    const line = lines.get(socket);
    if (!line) {
      const made: (() => void)[] = [];
      lines.set(socket, made);
      begin(request, response, made);
      return;
    }
    line.push(() => {
      if (!socket.destroyed) begin(request, response, line);
    });
    if (line.length === MOST_WAITING) socket.pause();
  });
}
