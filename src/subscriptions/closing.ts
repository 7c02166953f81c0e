import { CLOSE_CODES } from '../guard/sockets';

/** Why the server closes a socket, each with its code (RFC 6455, section 7.4, and graphql-transport-ws). */
export const OWN_CLOSE_CODES = {
  ...CLOSE_CODES,
  /** The client does not read what it is sent. */
  TOO_SLOW: 1013,
  /** The user has as many sockets as a user may have. */
  TOO_MANY_SOCKETS: 1013,
  /** The client sent more in a minute than it may. Client libraries treat 1008 as final. */
  TOO_MANY_MESSAGES: 1008,
  STOPPING: 1001,
} as const;

/** Why a socket was closed, for the metrics and the log. */
export type CloseCause =
  | keyof typeof OWN_CLOSE_CODES
  /** The client did not answer a ping. */
  | 'DEAD'
  /** The client broke the rules of the protocol. */
  | 'PROTOCOL'
  /** The client closed the socket, or the connection was lost. */
  | 'CLIENT';
