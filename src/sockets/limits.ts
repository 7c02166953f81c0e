/** How many sockets a node serves, and what each may ask of it. Handed in, so that tests need not wait. */
export interface SocketLimits {
  /** Sockets of a node. */
  readonly ofNode: number;
  /** Sockets of an IPv4 address or an IPv6 /64. Many users may share one, and each may have many tabs. */
  readonly ofNetwork: number;
  /** Sockets of an IPv6 /48, as one customer may have all of its networks. */
  readonly ofSite: number;
  /** Sockets of a user that are signed in. */
  readonly ofUser: number;
  /** Messages and control frames of a socket within a minute. A client that resubscribes to all sends about 20. */
  readonly messages: number;
  /** Bytes of a message. A token has at most 8 KiB, a subscription a few hundred. */
  readonly maxPayload: number;
  /** Subscriptions at a time. */
  readonly subscriptions: number;
  /** ms from the upgrade until the token has to be here. */
  readonly initTimeout: number;
  /** ms between two pings; who has not answered one by the next is dropped. */
  readonly pingInterval: number;
  /** Bytes that may wait in this process for a client to read them. */
  readonly bufferedBytes: number;
  /** Events that may wait for one subscription. */
  readonly waitingEvents: number;
  /** ms that a client is given to read its last event. */
  readonly lastEventPatience: number;
  /** ms that a client is given to answer the close. */
  readonly closeTimeout: number;
  /** How often a check is tried that no store can answer, and the ms between. */
  readonly checkAttempts: number;
  readonly checkInterval: number;
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
  checkAttempts: 20,
  checkInterval: 500,
};
