import { getRequest, graphqlRequest, openConnection } from './connection';
import { answerOrders } from './helper';

/** A load on a server. */
export interface LoadOrder {
  readonly url: string;
  readonly query: string;
  /** Sends GET to this path instead of the query. */
  readonly path?: string;
  /** The access tokens, used in turn. */
  readonly tokens: readonly string[];
  /** The refresh tokens, one a connection. Each answer brings the next one, which `query` takes as `$token`. */
  readonly chains?: readonly string[];
  /** The variables of each request, used in turn. */
  readonly variables?: readonly object[];
  readonly connections: number;
  /** ms; if left out, each token is used once */
  readonly duration?: number;
  /** A text that each answer must contain. */
  readonly expected: string;
}

export interface LoadResult {
  readonly answered: number;
  /** The refresh tokens to go on with. */
  readonly chains: readonly string[];
  /** ms */
  readonly took: number;
}

/** Sends each request after the answer before. Throws at the first unexpected answer. */
async function run(order: LoadOrder): Promise<LoadResult> {
  const { url, query, path, tokens, chains, variables, connections, duration, expected } = order;
  const requests = variables
    ? variables.map((each) => graphqlRequest(url, query, undefined, each))
    : tokens.map((token) =>
        path === undefined ? graphqlRequest(url, query, token) : getRequest(url, path, token),
      );
  const opened = await Promise.all(Array.from({ length: connections }, () => openConnection(url)));
  let next = 0;
  let answered = 0;
  const last: string[] = [];
  const startedAt = performance.now();
  const isOver = () =>
    duration === undefined ? next >= requests.length : performance.now() - startedAt > duration;
  await Promise.all(
    opened.map(async (connection, i) => {
      let token = chains?.[i];
      while (!isOver()) {
        const request =
          token === undefined
            ? (requests[next++ % requests.length] as Buffer)
            : graphqlRequest(url, query, undefined, { token });
        const answer = await connection.send(request);
        if (token !== undefined) token = /"refreshToken":"([^"]+)"/.exec(answer.body)?.[1] ?? token;
        if (answer.status !== 200 || !answer.body.includes(expected)) {
          throw new Error(`An answer that was not expected: ${answer.status} ${answer.body}`);
        }
        answered += 1;
      }
      connection.close();
      if (token !== undefined) last.push(token);
    }),
  );
  return { answered, chains: last, took: performance.now() - startedAt };
}

answerOrders(run);
