/** Why a socket was closed, for whoever counts. */
export type CloseCause =
  | 'TOKEN_MISSING'
  | 'TOKEN_INVALID'
  | 'TOKEN_EXPIRED'
  | 'TOKEN_REVOKED'
  | 'SERVICE_UNAVAILABLE'
  | 'INTERNAL_SERVER_ERROR'
  /** It did not read what it was sent. */
  | 'TOO_SLOW'
  /** Its user has as many sockets as a user may have. */
  | 'TOO_MANY_SOCKETS'
  /** It sent more in a minute than a socket may send. */
  | 'TOO_MANY_MESSAGES'
  /** It did not answer a ping. */
  | 'DEAD'
  /** It broke the rules of the protocol. */
  | 'PROTOCOL'
  | 'STOPPING'
  /** It went by itself, or its connection was lost. */
  | 'CLIENT';

/** The codes with which sockets are closed from this side (RFC 6455, section 7.4, and graphql-transport-ws). */
const CODES = {
  TOKEN_MISSING: 4403,
  TOKEN_INVALID: 4403,
  TOKEN_REVOKED: 4403,
  // A client's library takes this one for final, so that it does not come back with the same token.
  TOKEN_EXPIRED: 4401,
  INTERNAL_SERVER_ERROR: 4500,
  // "Try again later": clients do, and this is no reason for them to drop a session.
  SERVICE_UNAVAILABLE: 1013,
  TOO_SLOW: 1013,
  TOO_MANY_SOCKETS: 1013,
  // Against a rule of this service: a client's library takes it for final.
  TOO_MANY_MESSAGES: 1008,
  STOPPING: 1001,
} as const;

/** What this side closes sockets for. */
export type OwnCause = keyof typeof CODES;

export const codeOf = (cause: OwnCause): number => CODES[cause];

/** Closes the socket. What is queued for it is sent before. */
export type CloseSocket = (cause: OwnCause) => void;
