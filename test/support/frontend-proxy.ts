import { connect, createServer, type Socket } from 'node:net';
import { listen } from './listen';

/** A message from a client to Postgres. The one that opens a connection has no type. */
export interface FrontendMessage {
  /** One letter: `P` Parse, `B` Bind, `S` Sync, `Q` a simple query. */
  readonly type: string;
  readonly body: Buffer;
}

export interface FrontendProxy {
  readonly url: string;
  close(): Promise<void>;
}

/** Returns the strings that a message begins with. */
export const stringsOf = ({ body }: FrontendMessage): string[] => body.toString('latin1').split('\0');

const bytesOf = ({ type, body }: FrontendMessage): Buffer => {
  const head = Buffer.alloc(type.length + 4);
  head.write(type, 'latin1');
  head.writeUInt32BE(body.length + 4, type.length);
  return Buffer.concat([head, body]);
};

/**
 * A wire to Postgres that understands what a client sends.
 *
 * @param open called for each connection. Returns a function that answers what to send in the place of a message.
 */
export async function startFrontendProxy(
  target: string,
  open: () => (message: FrontendMessage) => readonly FrontendMessage[],
): Promise<FrontendProxy> {
  const { hostname, port } = new URL(target);
  const sockets = new Set<Socket>();

  const server = createServer((near) => {
    const far = connect(Number(port), hostname);
    const replace = open();
    let rest = Buffer.alloc(0);
    let hasBegun = false;
    near.on('data', (data: Buffer) => {
      rest = Buffer.concat([rest, data]);
      for (;;) {
        const typed = hasBegun ? 1 : 0;
        if (rest.length < typed + 4) return;
        const end = typed + rest.readUInt32BE(typed);
        if (rest.length < end) return;
        const message = { type: rest.toString('latin1', 0, typed), body: rest.subarray(typed + 4, end) };
        rest = rest.subarray(end);
        hasBegun = true;
        for (const each of replace(message)) far.write(bytesOf(each));
      }
    });
    far.pipe(near);
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(one);
      one.on('error', () => undefined);
      one.on('close', () => {
        sockets.delete(one);
        other.destroy();
      });
    }
  });
  const url = new URL(target);
  url.host = new URL(await listen(server)).host;
  return {
    url: url.href,
    close() {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
