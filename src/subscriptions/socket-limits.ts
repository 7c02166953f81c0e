import { PATIENCE } from '../guard/sockets';

/** How many sockets a node serves, and what each may ask of it. Tests set smaller limits, to wait less. */
export const SOCKET_LIMITS = {
  /** Sockets of a node. */
  ofNode: 10_000,
  /** Sockets of an IPv4 address or an IPv6 /64. Many users may share one, and each may have many tabs. */
  ofAddress: 1000,
  /** Sockets of an IPv6 /48: one customer may have all of it. */
  ofSite: 2000,
  /** Signed-in sockets of a user. */
  ofUser: 100,
  /** Messages and control frames of a socket in a minute. A client that subscribes to everything again sends about 20. */
  messages: 300,
  /** Bytes of a message. A token has at most 8 KiB, a subscription a few hundred bytes. */
  maxPayload: 16 * 1024,
  /** Subscriptions of a socket at a time. */
  subscriptions: 10,
  /** ms from the upgrade until the token must be here. */
  initTimeout: 5000,
  /** ms between two pings. A client that has not answered one by the next is cut off. */
  pingInterval: 20_000,
  /** Bytes that may wait in this process for a client to read them. */
  bufferedBytes: 256 * 1024,
  /** Events that may wait for one subscription. */
  waitingEvents: 1000,
  /** ms that a client has to read its last event. */
  lastEventPatience: 1000,
  /** ms that a client has to answer the close. */
  closeTimeout: 2000,
  /** ms for which an event waits while no store can tell whether the token is still good. */
  checkPatience: PATIENCE as number,
};

export type SocketLimits = Readonly<typeof SOCKET_LIMITS>;
