import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** The most requests that wait on one connection. Reading pauses at this number. */
const MOST_WAITING = 100;

/** A request, or other work that comes last on its connection. */
interface Turn {
  readonly request?: IncomingMessage;
  readonly begin: () => void;
}

/** The requests of one connection. The first one is in progress. */
class Pipeline {
  private readonly turns: Turn[] = [];

  constructor(private readonly connection: Socket) {}

  get isBusy(): boolean {
    return this.turns.length > 0;
  }

  add(request: IncomingMessage, response: ServerResponse, serve: () => void): void {
    const begin = () => {
      response.once('close', () => this.proceed());
      serve();
    };
    this.turns.push({ request, begin });
    if (this.turns.length === 1) begin();
    if (this.turns.length === 1 + MOST_WAITING) this.connection.pause();
  }

  end(work: () => void): void {
    if (this.turns.at(-1)?.request?.complete === false) this.turns.pop();
    const begin = () => {
      // The connection may start over.
      this.turns.length = 0;
      work();
    };
    if (this.isBusy) this.turns.push({ begin });
    else begin();
  }

  private proceed(): void {
    this.turns.shift();
    if (this.turns.length === MOST_WAITING) this.connection.resume();
    const [next] = this.turns;
    setImmediate(() => {
      if (next === this.turns[0] && !this.connection.destroyed) next?.begin();
    });
  }
}

/**
 * Serves the requests of a connection one after the other, with a turn of the event loop in between. With pipelining
 * (RFC 9112, section 9.3.2), Node would start all requests of one packet in the same turn. Responses go out in order
 * anyway.
 */
export interface Pipelines {
  /** Takes over the requests of a server. */
  serve(server: Server): void;
  /** The number of connections that wait for a response. */
  readonly busy: number;
  /**
   * Calls back once the connection has got all its responses, at once if none is owed. Never calls back if the
   * connection closes first. Code that writes to a connection directly must wait for this.
   *
   * Does not wait for the response to an incomplete request, whose rest never comes.
   */
  whenAnswered(connection: Socket, then: () => void): void;
}

export function createPipelines(): Pipelines {
  const pipelines = new Map<Socket, Pipeline>();

  const pipelineOf = (connection: Socket): Pipeline => {
    const known = pipelines.get(connection);
    if (known) return known;
    const pipeline = new Pipeline(connection);
    pipelines.set(connection, pipeline);
    connection.once('close', () => pipelines.delete(connection));
    return pipeline;
  };

  return {
    serve(server) {
      const listeners = server.listeners('request') as RequestListener[];
      server.removeAllListeners('request');
      server.on('request', (request, response) =>
        pipelineOf(request.socket).add(request, response, () => {
          for (const each of listeners) each.call(server, request, response);
        }),
      );
      // Node would answer at once, with a response that its pipeline does not know.
      server.on('checkExpectation', (request: IncomingMessage, response: ServerResponse) =>
        pipelineOf(request.socket).add(request, response, () =>
          response.writeHead(417, { 'content-length': 0 }).end(),
        ),
      );
    },
    get busy() {
      return [...pipelines.values()].filter(({ isBusy }) => isBusy).length;
    },
    whenAnswered(connection, then) {
      if (!connection.destroyed) pipelineOf(connection).end(then);
    },
  };
}
