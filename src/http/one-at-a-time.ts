import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** Requests that wait on one connection for the answers before theirs. While there are more, no others are read. */
const MOST_WAITING = 100;

/**
 * Serves the requests of a connection one after the other. A client may send many before it has read an answer
 * (RFC 9112, section 9.3.2), and Node would begin all that came in one piece in the same turn of the event loop. Their
 * answers go out in order anyway. Between two of them others get their turn.
 */
export function serveOneAtATime(server: Server): void {
  const serve = server.listeners('request') as RequestListener[];
  server.removeAllListeners('request');
  /** What waits on each connection that has a request under way. */
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
