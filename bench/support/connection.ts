import { connect } from 'node:net';

export interface HttpAnswer {
  readonly status: number;
  readonly body: string;
}

/** One kept-alive connection to a server, with one request at a time. */
export interface Connection {
  send(request: Buffer): Promise<HttpAnswer>;
  close(): void;
}

function requestOf(url: string, path: string, type: string, body: string, bearer?: string): Buffer {
  return Buffer.from(
    [
      `POST ${path} HTTP/1.1`,
      `Host: ${new URL(url).host}`,
      `Content-Type: ${type}`,
      ...(bearer === undefined ? [] : [`Authorization: Bearer ${bearer}`]),
      `Content-Length: ${Buffer.byteLength(body)}`,
      '',
      body,
    ].join('\r\n'),
  );
}

/** The bytes of a GraphQL request, so that sending it again costs nothing. */
export const graphqlRequest = (
  url: string,
  query: string,
  accessToken?: string,
  variables?: object,
): Buffer =>
  requestOf(url, '/graphql', 'application/json', JSON.stringify({ query, variables }), accessToken);

/** The bytes of a request without a body. */
export const getRequest = (url: string, path: string, bearer: string): Buffer =>
  Buffer.from(
    `GET ${path} HTTP/1.1\r\nHost: ${new URL(url).host}\r\nAuthorization: Bearer ${bearer}\r\n\r\n`,
  );

/** The bytes of a request with the fields of a form. */
export const formRequest = (
  url: string,
  path: string,
  fields: Record<string, string>,
  bearer: string,
): Buffer =>
  requestOf(url, path, 'application/x-www-form-urlencoded', new URLSearchParams(fields).toString(), bearer);

const END_OF_HEAD = '\r\n\r\n';

/** The first complete answer in `data`. This server always sends a content length. */
function readAnswer(data: Buffer): HttpAnswer | undefined {
  const headEnd = data.indexOf(END_OF_HEAD);
  if (headEnd === -1) return undefined;
  const head = data.toString('latin1', 0, headEnd);
  const length = Number(/^content-length: (\d+)/im.exec(head)?.[1]);
  if (Number.isNaN(length)) throw new Error(`An answer without a length:\n${head}`);
  const start = headEnd + END_OF_HEAD.length;
  if (data.length < start + length) return undefined;
  return { status: Number(head.split(' ', 2)[1]), body: data.toString('utf8', start, start + length) };
}

/**
 * A minimal client. It runs on the measured machine and takes processor time from the server, and Node's own client
 * needs about as much time for a request as a server.
 */
export async function openConnection(url: string): Promise<Connection> {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port), noDelay: true });
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('error', reject);
  });

  let received: Buffer = Buffer.alloc(0);
  let waiting: { resolve: (answer: HttpAnswer) => void; reject: (error: Error) => void } | undefined;
  const fail = (error: Error) => {
    waiting?.reject(error);
    waiting = undefined;
  };
  socket.on('error', fail);
  socket.on('close', () => fail(new Error('The server closed the connection.')));
  socket.on('data', (data: Buffer) => {
    received = received.length === 0 ? data : Buffer.concat([received, data]);
    const answer = readAnswer(received);
    if (!answer) return;
    received = Buffer.alloc(0);
    const { resolve } = waiting ?? {};
    waiting = undefined;
    resolve?.(answer);
  });

  return {
    send: (request) =>
      new Promise((resolve, reject) => {
        waiting = { resolve, reject };
        if (socket.destroyed) fail(new Error('The server had closed the connection.'));
        else socket.write(request);
      }),
    close: () => socket.destroy(),
  };
}
