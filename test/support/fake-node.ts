import { createServer } from 'node:http';
import { once } from 'node:events';
import { type WebSocket, WebSocketServer } from 'ws';
import {
  type BeatMessage,
  FOLLOW_PROTOCOL,
  type FollowerMessage,
  type GrantMessage,
  type NodeMessage,
  type PartEntry,
  textOfMessage,
} from '../../src/core/follow-messages';
import { readFollowerMessage } from '../../src/core/read-follow-message';
import { eventually } from './eventually';
import { listen } from './listen';

/** The database of the fake node. */
export const DATABASE = 'd4815349-b76d-480e-8ef5-581e76aa38bf';

/** A connection to the fake node. It says what a test tells it to. */
export class FakeLink {
  readonly received: FollowerMessage[] = [];
  readonly closed: Promise<unknown>;

  constructor(readonly socket: WebSocket) {
    socket.on('message', (text: Buffer) => this.received.push(readFollowerMessage(text.toString())!));
    this.closed = once(socket, 'close');
  }

  of<Type extends FollowerMessage['type']>(type: Type) {
    return this.received.filter((each) => each.type === type) as Extract<FollowerMessage, { type: Type }>[];
  }

  send(message: NodeMessage): void {
    this.socket.send(textOfMessage(message));
  }

  /** Waits for a message that is not older than this call, or for the first of its kind. */
  async next<Type extends FollowerMessage['type']>(type: Type, after = 0) {
    return eventually(() => {
      const all = this.of(type);
      if (all.length <= after) throw new Error(`no ${type} came`);
      return all.at(-1)!;
    });
  }

  welcome(lease = 10_000, database = DATABASE): void {
    this.send({ type: 'welcome', database, lease });
  }

  begin(joining: string, position = 0, more: object = {}): void {
    const forgotten = { sweptUntil: 0, asOf: 0 };
    this.send({ type: 'begin', joining, epoch: 'e1', position, way: 'snapshot', ...forgotten, ...more });
  }

  loaded(joining: string, position = 0, more: object = {}): void {
    this.send({ type: 'loaded', joining, position, sweptUntil: 0, asOf: 0, ...more });
  }

  /** Lets the follower join, and gives it a snapshot. */
  async load(joining: string, parts: readonly PartEntry[] = [], position = 0, lease?: number): Promise<void> {
    await this.next('join');
    this.welcome(lease);
    this.begin(joining, position);
    if (parts.length > 0) this.send({ type: 'part', entries: parts });
    this.loaded(joining, position);
  }

  grant({ number, joining }: BeatMessage, more: Partial<GrantMessage> = {}): void {
    const granted = { grant: 1000, tail: 0, longestTokenTtl: 900, asOf: 0 };
    this.send({ type: 'grant', number, joining, ...granted, ...more });
  }

  /** Answers the first heartbeat. */
  async grantFirst(more: Partial<GrantMessage> = {}): Promise<BeatMessage> {
    const beat = await this.next('beat');
    this.grant(beat, more);
    return beat;
  }
}

/** A node that a test plays. */
export interface FakeNode {
  readonly url: string;
  /** The connections, in the order in which they came. */
  readonly links: FakeLink[];
  /** The headers of the last handshake. */
  readonly headers: Record<string, unknown>;
  /** Refuses new connections with this status from now on, and these headers. */
  refuse(status: number, headers?: Record<string, string>): void;
  link(index: number): Promise<FakeLink>;
  close(): Promise<void>;
}

export async function startFakeNode(): Promise<FakeNode> {
  const links: FakeLink[] = [];
  const headers: Record<string, unknown> = {};
  let refusal: string | undefined;
  const server = createServer();
  const sockets = new WebSocketServer({ noServer: true, handleProtocols: () => FOLLOW_PROTOCOL });
  server.on('upgrade', (request, connection, head) => {
    Object.assign(headers, request.headers);
    if (refusal !== undefined) connection.end(refusal);
    else
      sockets.handleUpgrade(request, connection, head, (socket) => {
        links.push(new FakeLink(socket));
      });
  });
  const url = await listen(server);
  return {
    ...{ url, links, headers },
    refuse(status, more = {}) {
      const lines = Object.entries({ ...more, 'content-length': '0', connection: 'close' });
      refusal = `HTTP/1.1 ${status} No\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`;
    },
    link: (index) =>
      eventually(() => {
        const link = links[index];
        if (!link) throw new Error(`there is no connection ${index}`);
        return link;
      }),
    async close() {
      for (const { socket } of links) socket.terminate();
      server.close();
      await once(server, 'close');
    },
  };
}
