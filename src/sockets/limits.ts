/** What one socket may ask of a node. Handed in as a whole, so that tests need not wait. */
export interface SocketLimits {
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
