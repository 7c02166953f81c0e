import type { Clock } from '../../core/clock';
import type { LearnedRevocation } from '../../core/revocation';
import type { OpenWebSocket, SocketEnd, SocketListener } from '../../http-client/web-socket';
import type { Place } from '../../protocol/followers';

/** What a link needs of the follower that it belongs to. */
export interface LinkHost {
  readonly clock: Clock;
  readonly connect: (listener: SocketListener) => OpenWebSocket;
  /** Where the view stands: from there on it needs no snapshot. */
  place(): Place | undefined;
  /** Answers whether this database may be followed. */
  welcomed(database: string): boolean;
  /** What a node's view has forgotten counts as forgotten by this view too. Times in ms since the epoch. */
  forget(until: { readonly sweptUntil?: number; readonly asOf: number }): void;
  take(entries: readonly LearnedRevocation[]): void;
  /** The link has loaded, or has applied more. */
  progressed(): void;
  /** The lease from the link was renewed. */
  granted(): void;
  /** A heartbeat was sent. */
  sent(): void;
  /** The node stops soon. */
  leaving(): void;
  ended(end: SocketEnd): void;
}
