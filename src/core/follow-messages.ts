import type { LoggedRevocation } from './revocation';

// The messages between a follower (the guard of a service) and the node that it follows. `docs/protocol.md` argues the
// rules. Each message is one text frame of a WebSocket, in JSON. Fields may be added; anything else that changes needs
// another subprotocol.

/** The path of the WebSocket, below the server's base URL. */
export const FOLLOW_PATH = '/follow';

export const FOLLOW_PROTOCOL = 'tokenfence.follow.v1';

/** Bytes of a message from a follower. */
export const LARGEST_FROM_FOLLOWER = 1024;

/** Bytes of a message from a node: more than the largest part or the most entries can have. */
export const LARGEST_FROM_NODE = 4 * 1024 * 1024;

/** Names in one part of a snapshot. */
export const MOST_NAMES = 1000;

/** Revocations in one message. */
export const MOST_ENTRIES = 1000;

/** Why a node closes a connection, each with its code (RFC 6455, section 7.4). A follower connects again after any. */
export const FOLLOW_CLOSE_CODES = {
  /** The node stops. */
  STOPPING: 1001,
  /** The last message was none of these, or came out of turn. */
  MALFORMED: 4400,
  /** No `join` came in time. */
  NOT_JOINED: 4408,
  /** More messages came than a follower needs to send. */
  TOO_MANY_MESSAGES: 4429,
} as const;

/** The code of the refusal (status 409) by a node that has no view: its services introspect instead. */
export const NO_VIEW_CODE = 'NO_VIEW';

/** What every message about a snapshot names: the joining of the node whose view the snapshot is of. New at each. */
interface OfJoining {
  readonly joining: string;
}

/** How many revocations of the epoch have been applied. */
interface AtPosition {
  readonly position: number;
}

/** Comes first. With the last two, the follower asks to go on from there without a snapshot. */
export interface JoinMessage {
  readonly type: 'join';
  readonly epoch?: string;
  readonly position?: number;
}

/** Asks for a grant. `number` grows with each; the follower stamped its clocks before it sent it. */
export interface BeatMessage extends OfJoining, AtPosition {
  readonly type: 'beat';
  readonly number: number;
}

/** Everything up to the position has been applied. */
export interface AckMessage extends OfJoining, AtPosition {
  readonly type: 'ack';
}

/** Answers `take-back`: the follower has given up the lease from this joining. */
export interface ReturnedMessage extends OfJoining {
  readonly type: 'returned';
}

/** The follower has given up its lease from this connection, and closes it. */
export interface FarewellMessage {
  readonly type: 'farewell';
}

export type FollowerMessage = JoinMessage | BeatMessage | AckMessage | ReturnedMessage | FarewellMessage;

/** Answers `join`. */
export interface WelcomeMessage {
  readonly type: 'welcome';
  /** The id of the database, with which the ids of its signing keys begin. */
  readonly database: string;
  /** ms; the lease of the node. */
  readonly lease: number;
}

/** What may be missing in a snapshot, because the node has forgotten it: both in ms since the epoch. */
interface Forgotten {
  /** Revocations that had expired by then were swept from the node's view. */
  readonly sweptUntil: number;
  /** Revocations that had expired by then, by the clock of Postgres, may be missing in what the node loaded. */
  readonly asOf: number;
}

/** `snapshot`: the whole view follows in parts. `on`: what came after the position that `join` named follows. */
export type FollowWay = 'snapshot' | 'on';

/**
 * Begins the following of one joining of the node. It comes again, unasked, when the node joins anew. No position from
 * before counts for it. What comes is added to the follower's view.
 */
export interface BeginMessage extends OfJoining, AtPosition, Forgotten {
  readonly type: 'begin';
  readonly epoch: string;
  readonly way: FollowWay;
}

/** `T`: a token, `S`: a session, `K`: a key, `U`: a user, `E`: everyone. */
export type PartKind = 'T' | 'S' | 'K' | 'U' | 'E';

/** One name of a view. The id of everyone is empty. The version is that of a user or of everyone, else 0. */
export type PartEntry = readonly [kind: PartKind, id: string, version: number, expiresAtSeconds: number];

export interface PartMessage {
  readonly type: 'part';
  readonly entries: readonly PartEntry[];
}

/** Everything has been sent. From now on the node answers heartbeats. Says anew what its view has forgotten meanwhile. */
export interface LoadedMessage extends OfJoining, AtPosition, Forgotten {
  readonly type: 'loaded';
}

/** What the node's view takes in, in order, also between parts; and the node's position after it. */
export interface EntriesMessage extends AtPosition {
  readonly type: 'entries';
  readonly entries: readonly LoggedRevocation[];
}

/**
 * Why the node grants nothing. `NOT_CURRENT`: the node's own view is not current. `BEHIND`: the follower owes an ack for too
 * long. `BANNED`: followers at its address have delayed confirmations too often.
 */
export type NoGrantReason = 'NOT_CURRENT' | 'BEHIND' | 'BANNED';

/** Answers a heartbeat. */
export interface GrantMessage extends OfJoining {
  readonly type: 'grant';
  /** That of the heartbeat. */
  readonly number: number;
  /** ms from the stamp of the heartbeat; 0: none now. */
  readonly grant: number;
  /** The grant counts once the follower has applied everything up to here. */
  readonly tail: number;
  /** s; the longest access token lifetime of any node. */
  readonly longestTokenTtl: number;
  /** ms since the epoch, by the clock of Postgres. Revocations that had expired by then may be missing. */
  readonly asOf: number;
  readonly reason?: NoGrantReason;
}

/** Asks the follower to give up the lease from this joining, and to say so. */
export interface TakeBackMessage extends OfJoining {
  readonly type: 'take-back';
}

/** The node stops soon: join another, then say farewell here. */
export interface LeavingMessage {
  readonly type: 'leaving';
}

export type NodeMessage =
  | WelcomeMessage
  | BeginMessage
  | PartMessage
  | LoadedMessage
  | EntriesMessage
  | GrantMessage
  | TakeBackMessage
  | LeavingMessage;

/** Writes a message as it goes over the wire. */
export const textOfMessage = (message: FollowerMessage | NodeMessage): string => JSON.stringify(message);
