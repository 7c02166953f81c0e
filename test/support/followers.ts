import { FOLLOW_PROTOCOL, type FollowerMessage, type PartEntry } from '../../src/core/follow-messages';
import { readNodeMessage } from '../../src/core/read-follow-message';
import type { LoggedRevocation } from '../../src/core/revocation';
import type { FollowerConnection, Followers, Place, Start } from '../../src/protocol/followers';
import { eventually } from './eventually';
import { TestSocket } from './socket';

export const FOLLOW_SECRET = 'between services: 4Hk8sWq2Zt6Yv0Lm';

export const bearer = (secret: string) => ({ authorization: `Bearer ${secret}` });

export const FOLLOW_OPTIONS = {
  path: '/follow',
  protocol: FOLLOW_PROTOCOL,
  headers: bearer(FOLLOW_SECRET),
};

/** Opens a connection of a follower, which does nothing by itself. */
export const openFollower = (url: string, headers: Record<string, string> = {}): Promise<TestSocket> =>
  TestSocket.open(url, { ...FOLLOW_OPTIONS, headers: { ...FOLLOW_OPTIONS.headers, ...headers } });

export const tell = (socket: TestSocket, message: FollowerMessage): void => socket.send(message);

/** A follower as the state of a node knows it, by hand. */
export interface FakeFollower {
  readonly connection: FollowerConnection;
  readonly from: Place | undefined;
  /** What the connection has told, in order. */
  readonly told: unknown[][];
}

/** The state of a node, by hand. */
export interface FakeFollowers extends Followers {
  readonly joined: FakeFollower[];
  /** What the view holds. */
  entries: Iterable<PartEntry>;
  sweptUntil: number;
  /** Called by `stop`. */
  whenStopped: () => Promise<void>;
}

export const START: Start = { joining: 'first joining', epoch: 'epoch', position: 7 };

export function fakeFollowers(): FakeFollowers {
  const joined: FakeFollower[] = [];
  return {
    joined,
    databaseId: 'database',
    lease: 1000,
    sweptUntil: 1,
    asOf: 2,
    state: { connected: 0, grants: 0, lag: 0 },
    entries: [],
    snapshot() {
      return this.entries;
    },
    join(connection, from) {
      const told: unknown[][] = [];
      const tells =
        (name: string) =>
        (...args: unknown[]) =>
          void told.push([name, ...args]);
      joined.push({ connection, from, told });
      return {
        loaded(joining) {
          told.push(['loaded', joining]);
          return 7;
        },
        beat(number, joining, position, mayHold) {
          told.push(['beat', number, joining, position, mayHold]);
          const rest = { number, joining, tail: position, longestTokenTtl: 900, asOf: 2 };
          return mayHold ? { ...rest, grant: 900 } : { ...rest, grant: 0, reason: 'BANNED' };
        },
        ack: tells('ack'),
        returned: tells('returned'),
        farewell: tells('farewell'),
        lost: tells('lost'),
      };
    },
    whenStopped: () => Promise.resolve(),
    stop() {
      return this.whenStopped();
    },
  };
}

/** A follower that does what the protocol says, without a view. */
export interface RealFollower {
  readonly socket: TestSocket;
  /** Everything that it was sent: ids of tokens, sessions, keys and users. */
  readonly known: Set<string>;
  /** ms of the last grant; 0: none. */
  readonly grant: number;
  /** Whether it acknowledges and sends heartbeats. */
  isWell: boolean;
}

const idOf = (entry: LoggedRevocation): string => {
  switch (entry.kind) {
    case 'TOKEN':
      return entry.tokenId;
    case 'SESSION':
      return entry.sessionId;
    case 'KEY':
      return entry.keyId;
    case 'USER':
      return entry.userId;
    case 'EVERYONE':
      return '';
  }
};

/** Follows a node from now on. */
export async function startFollower(url: string): Promise<RealFollower> {
  const socket = await openFollower(url);
  const own = { socket, known: new Set<string>(), grant: 0, isWell: true };
  let [joining, position, number, lease] = ['', 0, 0, 1000];
  const beat = () => {
    if (own.isWell) tell(socket, { type: 'beat', number: ++number, joining, position });
  };
  let beating: NodeJS.Timeout | undefined;
  socket.raw.once('close', () => clearInterval(beating));
  socket.raw.on('message', (data: Buffer) => {
    const message = readNodeMessage(data.toString());
    if (!message) throw new Error(`No node sends ${data.toString()}.`);
    switch (message.type) {
      case 'welcome':
        ({ lease } = message);
        break;
      case 'begin':
        ({ joining, position } = message);
        break;
      case 'part':
        for (const [, id] of message.entries) own.known.add(id);
        break;
      case 'loaded':
        ({ position } = message);
        clearInterval(beating);
        beat();
        beating = setInterval(beat, lease / 5);
        break;
      case 'entries':
        for (const entry of message.entries) own.known.add(idOf(entry));
        ({ position } = message);
        if (own.isWell && beating) tell(socket, { type: 'ack', joining, position });
        break;
      case 'grant':
        own.grant = message.grant;
        break;
      case 'take-back':
        own.grant = 0;
        if (own.isWell) tell(socket, { type: 'returned', joining: message.joining });
    }
  });
  tell(socket, { type: 'join' });
  await eventually(() => {
    if (own.grant === 0) throw new Error('No grant yet.');
  });
  return own;
}
