import { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/**
 * The responses that each connection still has to get. With pipelining (RFC 9112, section 9.3.2), code that writes to
 * a connection directly must wait for them.
 */
export interface OwedAnswers {
  /** The response class for `http.createServer`. It registers each response. */
  readonly ServerResponse: typeof ServerResponse;
  /** The number of responses owed on all connections. */
  readonly count: number;
  /** Whether the last request on the connection is incomplete. */
  isReading(connection: Socket): boolean;
  /**
   * Calls back once the connection has got all its responses, at once if none is owed. Never calls back if the
   * connection closes first.
   *
   * @param options.butReading do not wait for the response to an incomplete request
   */
  whenAnswered(connection: Socket, then: () => void, options?: { readonly butReading?: boolean }): void;
}

interface Owed {
  readonly answers: Set<ServerResponse>;
  readonly waiting: Set<() => void>;
}

export function createOwedAnswers(): OwedAnswers {
  const all = new Map<Socket, Owed>();

  const owedOn = (connection: Socket): Owed => {
    const known = all.get(connection);
    if (known) return known;
    const owed: Owed = { answers: new Set(), waiting: new Set() };
    all.set(connection, owed);
    // A queued response gets no `close` event when its connection closes.
    connection.once('close', () => all.delete(connection));
    return owed;
  };

  const settle = ({ waiting }: Owed) => {
    for (const proceed of [...waiting]) proceed();
  };

  class OwedResponse extends ServerResponse {
    constructor(...given: ConstructorParameters<typeof ServerResponse>) {
      super(...given);
      const owed = owedOn(given[0].socket);
      owed.answers.add(this);
      this.once('close', () => {
        owed.answers.delete(this);
        settle(owed);
      });
    }
  }

  const isReading = (connection: Socket) =>
    [...(all.get(connection)?.answers ?? [])].at(-1)?.req.complete === false;

  return {
    ServerResponse: OwedResponse as typeof ServerResponse,
    get count() {
      let count = 0;
      for (const { answers } of all.values()) count += answers.size;
      return count;
    },
    isReading,
    whenAnswered(connection, then, { butReading = false } = {}) {
      if (connection.destroyed) return;
      const owed = owedOn(connection);
      const proceed = () => {
        if (owed.answers.size > (butReading && isReading(connection) ? 1 : 0)) return;
        owed.waiting.delete(proceed);
        then();
      };
      owed.waiting.add(proceed);
      proceed();
    },
  };
}
