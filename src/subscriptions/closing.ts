import { CLOSE_CODES } from '../guard/sockets';

/** Why a socket was closed, for the metrics and the log. */
export type CloseCause =
  | OwnCause
  /** The client did not answer a ping. */
  | 'DEAD'
  /** The client broke the rules of the protocol. */
  | 'PROTOCOL'
  /** The client closed the socket, or the connection was lost. */
  | 'CLIENT';

/** The codes with which the server closes sockets (RFC 6455, section 7.4, and graphql-transport-ws). */
const CODES = {
  ...CLOSE_CODES,
  /** The client does not read what it is sent. */
  TOO_SLOW: 1013,
  /** The user has as many sockets as a user may have. */
  TOO_MANY_SOCKETS: 1013,
  /** The client sent more in a minute than it may. Client libraries treat 1008 as final. */
  TOO_MANY_MESSAGES: 1008,
  STOPPING: 1001,
} as const;

/** Why the server closes a socket. */
export type OwnCause = keyof typeof CODES;

export const codeOf = (cause: OwnCause): number => CODES[cause];

/** Closes the socket, after what already waits for it is sent. */
export type CloseSocket = (cause: OwnCause) => void;
