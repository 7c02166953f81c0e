import { PATIENCE } from '../guard/sockets';

/** How many sockets a node serves, and what each may ask of it. Tests set smaller ones, to wait less. */
export interface SocketLimits {
  /** Sockets of a node. */
  readonly ofNode: number;
  /** Sockets of an IPv4 address or an IPv6 /64. Many users may share one, and each may have many tabs. */
  readonly ofNetwork: number;
  /** Sockets of an IPv6 /48: one customer may have all of its networks. */
  readonly ofSite: number;
  /** Signed-in sockets of a user. */
  readonly ofUser: number;
  /** Messages and control frames of a socket in a minute. A client that subscribes to everything again sends about 20. */
  readonly messages: number;
  /** Bytes of a message. A token has at most 8 KiB, a subscription a few hundred bytes. */
  readonly maxPayload: number;
  /** Subscriptions of a socket at a time. */
  readonly subscriptions: number;
  /** ms from the upgrade until the token must be here. */
  readonly initTimeout: number;
  /** ms between two pings. A client that has not answered one by the next is cut off. */
  readonly pingInterval: number;
  /** Bytes that may wait in this process for a client to read them. */
  readonly bufferedBytes: number;
  /** Events that may wait for one subscription. */
  readonly waitingEvents: number;
  /** ms that a client has to read its last event. */
  readonly lastEventPatience: number;
  /** ms that a client has to answer the close. */
  readonly closeTimeout: number;
  /** ms for which an event waits while no store can tell whether the token is still good. */
  readonly checkPatience: number;
}

export const SOCKET_LIMITS: SocketLimits = {
  ofNode: 10_000,
  ofNetwork: 1000,
  ofSite: 2000,
  ofUser: 100,
  messages: 300,
  maxPayload: 16 * 1024,
  subscriptions: 10,
  initTimeout: 5000,
  pingInterval: 20_000,
  bufferedBytes: 256 * 1024,
  waitingEvents: 1000,
  lastEventPatience: 1000,
  closeTimeout: 2000,
  checkPatience: PATIENCE,
};
