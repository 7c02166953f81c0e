import { graphqlRequest, openConnection } from './connection';
import { answerOrders } from './helper';

/** A load on a server. */
export interface LoadOrder {
  readonly url: string;
  readonly query: string;
  /** The tokens, used in turn. */
  readonly tokens: readonly string[];
  readonly connections: number;
  /** ms; if left out, each token is used once */
  readonly duration?: number;
  /** A text that each answer must contain. */
  readonly expected: string;
}

export interface LoadResult {
  readonly answered: number;
  /** ms */
  readonly took: number;
}

/** Sends each request after the answer before. Throws at the first unexpected answer. */
async function run({ url, query, tokens, connections, duration, expected }: LoadOrder): Promise<LoadResult> {
  const requests = tokens.map((token) => graphqlRequest(url, query, token));
  const opened = await Promise.all(Array.from({ length: connections }, () => openConnection(url)));
  let next = 0;
  let answered = 0;
  const startedAt = performance.now();
  const isOver = () =>
    duration === undefined ? next >= requests.length : performance.now() - startedAt > duration;
  await Promise.all(
    opened.map(async (connection) => {
      while (!isOver()) {
        const answer = await connection.send(requests[next++ % requests.length] as Buffer);
        if (answer.status !== 200 || !answer.body.includes(expected)) {
          throw new Error(`An answer that was not expected: ${answer.status} ${answer.body}`);
        }
        answered += 1;
      }
      connection.close();
    }),
  );
  return { answered, took: performance.now() - startedAt };
}

answerOrders(run);
