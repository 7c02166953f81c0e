import { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/**
 * The answers that each connection still has to get. A client may send requests before it has read earlier answers
 * (RFC 9112, section 9.3.2); whatever writes to a connection itself has to wait for its turn.
 */
export interface OwedAnswers {
  /** For `http.createServer`, which makes one of these for every request that it reads. */
  readonly ServerResponse: typeof ServerResponse;
  /** How many there are on all connections. */
  readonly count: number;
  /** Whether the request that was read last on the connection has not arrived in full. */
  isReading(connection: Socket): boolean;
  /**
   * Calls back when the connection has got all its answers: at once, if none is owed. Never, if it is closed before.
   *
   * @param options.butReading does not wait for the answer of a request that has not arrived in full
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
    // An answer whose turn has not come is told nothing when its connection is closed.
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
