import type { NewAuditEvent, Session, User } from '../account';
import type { NewMail } from '../mail';
import type { LoggedRevocation } from '../revocation';
import type { Fleet } from './fleet';

/** A request for sessions of one user. */
export interface SessionsOfUser {
  readonly userId: string;
  /** The largest number. */
  readonly first: number;
  /** The session before the page. */
  readonly after?: string;
}

/** A refresh token as a client presented it. Only Postgres, which has the salt, knows whether it is genuine. */
export interface PresentedRefreshToken {
  readonly sessionId: string;
  readonly generation: number;
  /** The token is genuine if SHA-256(SHA-256(salt | half)) is `digest`. */
  readonly half: Buffer;
  /** SHA-256 of the token's MAC. The MAC itself must not appear in a log of Postgres. */
  readonly digest: Buffer;
}

/** The use of a session, by a login or a refresh. */
export interface SessionUse {
  readonly usedAt: Date;
  /** s until it expires without further use */
  readonly idleTtl: number;
  readonly userAgent: string | undefined;
  readonly ipAddress: string | undefined;
}

/** A session that is about to be opened. */
export interface NewSession extends SessionUse {
  readonly id: string;
  readonly salt: Buffer;
  readonly usesCookie: boolean;
  readonly expiresAt: Date;
}

export interface SessionOpening extends NewSession {
  readonly userId: string;
  /** The hash that the password was compared with. If it is another one now, nothing is opened. */
  readonly passwordHash: string;
  /** How many other live sessions the user may keep. The least recently used ones are ended. */
  readonly keep: number;
  readonly event: NewAuditEvent;
  /** Recorded if sessions are ended to make room. */
  readonly surplusEvent: NewAuditEvent;
  /**
   * Written to the user unless a session of theirs was used by the same user agent in the same network: an IPv4 address
   * or an IPv6 /64. Digits do not count, so an update of a browser makes no new device.
   */
  readonly ifNewDevice?: readonly NewMail[];
}

/** What `open` returns. */
export interface OpenedSession extends SessionState {
  /** The log entries of the sessions that it ended. */
  readonly displaced: readonly LoggedRevocation[];
  /** Whether it wrote a mail. */
  readonly hasMail: boolean;
}

/** A session and everything that its new tokens need, as of one moment. */
export interface SessionState {
  readonly user: User;
  readonly session: Session;
  /** How many refresh tokens it has had. */
  readonly generation: number;
  readonly salt: Buffer;
  readonly fleet: Fleet;
}

export interface Sessions {
  find(id: string): Promise<Session | undefined>;
  /**
   * Starts a session, ends older ones to make room, and records both, in one statement. Returns nothing if the user is
   * disabled or has another password.
   */
  open(opening: SessionOpening): Promise<OpenedSession | undefined>;
  /**
   * Takes a live session to the next generation, if the token is genuine and of the current one. It reads the user
   * without a lock. So `undefined` may also mean that a raised version was seen on one side only: see `look`.
   */
  rotate(token: PresentedRefreshToken, use: SessionUse): Promise<SessionState | undefined>;
  /** Reads the session of a genuine token, ended or not. */
  look(
    token: PresentedRefreshToken,
  ): Promise<(SessionState & { /** ms since the last rotation */ readonly rotatedAgo: number }) | undefined>;
  /**
   * Notes that the user has confirmed the password, and gives the session a new salt, which no earlier refresh token
   * fits. One statement, with the event. Changes nothing, and returns why, if the session has ended or the password is
   * another one.
   */
  reauthenticate(
    session: Pick<Session, 'id' | 'userId'>,
    event: NewAuditEvent,
    confirmed: Reauthentication,
  ): Promise<SessionState | 'session ended' | 'password changed'>;
  /** Returns the live sessions of several users, most recently used first: one list per request, in one statement. */
  liveOf(wanted: readonly SessionsOfUser[]): Promise<Session[][]>;
  /** Returns how many sessions are live: an estimate where there are many. */
  countLive(): Promise<number>;
  /** Returns the addresses from which the account's sessions (at most 1,000) were used in the last 30 days. */
  recentAddressesOf(email: string): Promise<string[]>;
}

/** What was ended, and its entries in the log. */
export interface Ended {
  readonly entries: readonly LoggedRevocation[];
  readonly endedSessions: number;
  /** The owner of what was ended, with the raised version; none for the scope EVERYONE. */
  readonly userId?: string;
  /** Only for `user`. */
  readonly user?: User;
}

/** What changes about the one session that lives on when a user's others end. */
export interface Reissue {
  readonly salt: Buffer;
  readonly use: SessionUse;
  /** A change of the password: the hash that was confirmed, and the new one. */
  readonly password?: { readonly before: string; readonly after: string };
  /** Written to the user. */
  readonly mails?: readonly NewMail[];
}

/** A password that was confirmed in a session. */
export interface Reauthentication extends Pick<Reissue, 'salt' | 'use'> {
  /** The hash that it fits. If the user has another one now, nothing is changed. */
  readonly passwordHash: string;
}

/** How a session is named, by its id or by a refresh token of it. */
export type SessionName =
  | { readonly id: string; /** If given, no other user's session is ended. */ readonly ownerId?: string }
  | { readonly token: PresentedRefreshToken };

/** Ends sessions and tokens, each in one statement with its audit event and its entries in the log. */
export interface Ends {
  /**
   * Ends a session. Returns no entries if it had ended before, and nothing if it does not exist.
   *
   * @param event its user, session and, for a token's holder, actor are filled in
   * @param tokenId a token to name in the log too
   * @param mails written to the user if this ends the session
   */
  session(
    name: SessionName,
    event: NewAuditEvent,
    options?: {
      readonly byOwner?: boolean;
      readonly tokenId?: string;
      readonly mails?: readonly NewMail[];
    },
  ): Promise<Ended | undefined>;
  /**
   * Raises a user's version, which ends every token, and every session that is not carried over. Returns nothing if the
   * user does not exist. If all are carried over, lock the user before: a login that is waited for is not seen here.
   *
   * @param forGood to the last version: no token of the user may ever be good again
   */
  user(
    userId: string,
    event: NewAuditEvent,
    options: { readonly carryOver: 'all' | 'none'; readonly forGood?: boolean },
  ): Promise<Ended | undefined>;
  /**
   * Raises the version of a session's user, and carries over this session with a new salt, which no earlier refresh token
   * fits. Changes nothing, and returns why, if the session has ended or the password is another one.
   */
  others(
    session: Pick<Session, 'id' | 'userId'>,
    event: NewAuditEvent,
    reissue: Reissue,
  ): Promise<(Ended & { readonly state: SessionState }) | 'session ended' | 'password changed'>;
  /** Raises the global version. Call it outside of a transaction. */
  everyone(event: NewAuditEvent): Promise<Ended>;
  /** Revokes every signing key. The same transaction must make a new one. */
  keys(event: NewAuditEvent): Promise<Ended>;
}
