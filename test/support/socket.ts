import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocket } from 'ws';
import { eventually } from './eventually';

export const PROTOCOL = 'graphql-transport-ws';

/** ms for which a test waits for a close. */
const CLOSE_PATIENCE = 30_000;

export interface Close {
  readonly code: number;
  readonly reason: string;
}

export interface Message {
  readonly type: string;
  readonly id?: string;
  readonly payload?: any;
}

export interface SocketOptions {
  readonly protocol?: string;
  readonly headers?: Record<string, string>;
  readonly path?: string;
}

interface Node {
  readonly url: string;
}

interface User {
  readonly accessToken: string;
}

/** A raw WebSocket: the messages received, and how it was closed. */
export class TestSocket {
  readonly messages: Message[] = [];
  private readonly closing: Promise<Close>;
  private isClosed = false;

  private constructor(readonly raw: WebSocket) {
    raw.on('message', (data) => this.messages.push(JSON.parse((data as Buffer).toString()) as Message));
    this.closing = new Promise((resolve) => {
      raw.on('close', (code, reason) => {
        this.isClosed = true;
        resolve({ code, reason: reason.toString() });
      });
    });
    raw.on('error', () => undefined);
  }

  /** @param url of the node */
  static async open(url: string, { protocol = PROTOCOL, headers, path = '/graphql' }: SocketOptions = {}) {
    const raw = new WebSocket(`${url.replace('http', 'ws')}${path}`, protocol === '' ? [] : protocol, {
      headers,
    });
    const socket = new TestSocket(raw);
    await once(raw, 'open');
    return socket;
  }

  /** Opens a socket and signs in. */
  static async signIn(url: string, accessToken: string, options?: SocketOptions) {
    const socket = await TestSocket.open(url, options);
    socket.authorize(`Bearer ${accessToken}`);
    await socket.receive('connection_ack');
    return socket;
  }

  /** Sends a sign-in with this `authorization`. */
  authorize(authorization: string): void {
    this.send({ type: 'connection_init', payload: { authorization } });
  }

  get isOpen() {
    return !this.isClosed;
  }

  /** How the socket was closed. Rejects if it stays open, so that its test fails before its own timeout. */
  get closed(): Promise<Close> {
    const tooLate = sleep(CLOSE_PATIENCE, undefined, { ref: false }).then((): never => {
      throw new Error(`The socket is still open. It received ${JSON.stringify(this.messages)}.`);
    });
    return Promise.race([this.closing, tooLate]);
  }

  send(message: object | string): void {
    this.raw.send(typeof message === 'string' ? message : JSON.stringify(message));
  }

  subscribe(query: string, id = '1', variables?: object): void {
    this.send({ type: 'subscribe', id, payload: { query, variables } });
  }

  /** Subscribes. Resolves when the server has the subscription, because it reads messages in order. */
  async listen(query: string, id = '1'): Promise<void> {
    this.subscribe(query, id);
    await this.settle();
  }

  /** Waits for a round trip: what the server has sent before has come. */
  async settle(): Promise<void> {
    const pongs = this.of('pong').length;
    this.send({ type: 'ping' });
    await eventually(() => {
      if (this.of('pong').length === pongs) throw new Error('No pong yet.');
    });
  }

  of(type: string): Message[] {
    return this.messages.filter((message) => message.type === type);
  }

  /** The data of all events so far. */
  get events(): any[] {
    return this.of('next').map(({ payload }) => payload.data ?? payload);
  }

  receive(type: string): Promise<Message> {
    return eventually(() => {
      const [first] = this.of(type);
      if (!first) throw new Error(`No ${type} among ${JSON.stringify(this.messages)}.`);
      return first;
    });
  }

  close(): Promise<unknown> {
    this.raw.close();
    return this.closed;
  }
}

/** The HTTP status of a refused upgrade. */
export async function refusedWith(url: string, options: SocketOptions): Promise<number | undefined> {
  const raw = new WebSocket(`${url.replace('http', 'ws')}${options.path ?? '/graphql'}`, PROTOCOL, {
    headers: options.headers,
  });
  raw.on('error', () => undefined);
  const [, response] = (await once(raw, 'unexpected-response')) as [
    unknown,
    { statusCode?: number; destroy(): void },
  ];
  response.destroy();
  return response.statusCode;
}

/** Opens sockets for tests. Each is ended after the test that opened it. */
export function socketOpener() {
  const sockets: TestSocket[] = [];
  afterEach(() => {
    for (const socket of sockets.splice(0)) socket.raw.terminate();
  });
  const kept = async (opening: Promise<TestSocket>) => {
    const socket = await opening;
    sockets.push(socket);
    return socket;
  };
  const signIn = ({ url }: Node, { accessToken }: User) => kept(TestSocket.signIn(url, accessToken));
  return {
    open: ({ url }: Node, options?: SocketOptions) => kept(TestSocket.open(url, options)),
    signIn,
    /** Signs in and subscribes. */
    async listen(node: Node, user: User, query: string) {
      const socket = await signIn(node, user);
      await socket.listen(query);
      return socket;
    },
  };
}
