/** Who may create an account: anybody; anybody, who must verify the email first; or only those with an invitation. */
export type Registration = 'open' | 'verified' | 'invited';

export interface User {
  readonly id: string;
  readonly email: string;
  /** Whether the user has shown that the address is theirs. */
  readonly emailVerified: boolean;
  /** Whether it was registered or invited, and never let in. Such an account has no session. */
  readonly pending: boolean;
  /** `undefined` until the user sets one. */
  readonly passwordHash: string | undefined;
  /** `USER`, `ADMIN`, or a role of the application. */
  readonly role: string;
  readonly tokenVersion: number;
  readonly disabled: boolean;
  readonly createdAt: Date;
}

/** A user as the application's callbacks get it. */
export type PublicUser = Omit<User, 'passwordHash'>;

export function toPublicUser(user: PublicUser): PublicUser {
  const { id, email, emailVerified, pending, role, tokenVersion, disabled, createdAt } = user;
  return { id, email, emailVerified, pending, role, tokenVersion, disabled, createdAt };
}

/** One login on one device. */
export interface Session {
  readonly id: string;
  readonly userId: string;
  /** The user's version that the session lives under: a `logoutEverywhere` raises it and so ends the session. */
  readonly tokenVersion: number;
  /** The global version at login: a `forceLogoutAll` raises it and so ends the session. */
  readonly globalVersion: number;
  /** Whether the client keeps its refresh token in a cookie. */
  readonly usesCookie: boolean;
  readonly userAgent: string | undefined;
  readonly ipAddress: string | undefined;
  readonly createdAt: Date;
  /** When the user last proved who they are in it: by the password, or by a link. By the clock of Postgres. */
  readonly authenticatedAt: Date;
  readonly lastUsedAt: Date;
  /** The absolute end, however often it is used. */
  readonly expiresAt: Date;
  /** The end if it is not refreshed before. Never later than `expiresAt`. */
  readonly idleExpiresAt: Date;
  readonly endedAt: Date | undefined;
}

/**
 * @param current the versions of the user and of everyone
 * @param now ms since the epoch
 */
export function isLive(
  session: Session,
  current: { readonly tokenVersion: number; readonly globalVersion: number },
  now: number,
): boolean {
  return (
    session.endedAt === undefined &&
    session.tokenVersion === current.tokenVersion &&
    session.globalVersion === current.globalVersion &&
    now < session.idleExpiresAt.getTime() &&
    now < session.expiresAt.getTime()
  );
}

/** A key that signs access tokens, or signed them in the past. */
export interface SigningKey {
  readonly id: string;
  readonly algorithm: 'ES256';
  readonly createdAt: Date;
  /** When it stopped signing. Tokens that it signed stay valid until they expire. */
  readonly retiredAt: Date | undefined;
  /** When it was revoked. Every token that it signed is refused. */
  readonly revokedAt: Date | undefined;
}

/** A signing key with its public half as PEM (SPKI) and its private half encrypted with the SECRET. */
export interface StoredSigningKey extends SigningKey {
  readonly publicKey: string;
  readonly sealedPrivateKey: string;
}

/** The types of events in the audit log. The names are stable: people write alerts on them. */
export const AUDIT_EVENT_TYPES = [
  'USER_REGISTERED',
  'LOGIN_SUCCEEDED',
  'LOGIN_FAILED',
  'LOGOUT',
  'SESSION_ENDED',
  'OTHER_SESSIONS_ENDED',
  'OLDEST_SESSION_ENDED',
  'LOGOUT_EVERYWHERE',
  'PASSWORD_CHANGED',
  'PASSWORD_CONFIRMED',
  'ACCOUNT_DELETED',
  'FORCED_LOGOUT',
  'FORCED_SESSION_LOGOUT',
  'FORCED_LOGOUT_OF_EVERYONE',
  'USER_DISABLED',
  'USER_ENABLED',
  'ROLE_CHANGED',
  'TOKENS_ENDED',
  'REFRESH_TOKEN_REUSED',
  'SIGNING_KEY_ROTATED',
  'SIGNING_KEY_REVOKED',
  'ADMINISTRATOR_CREATED',
  'EMAIL_VERIFICATION_REQUESTED',
  'EMAIL_VERIFIED',
  'PASSWORD_RESET_REQUESTED',
  'PASSWORD_RESET',
  'EMAIL_CHANGE_REQUESTED',
  'EMAIL_CHANGED',
  'EMAIL_CHANGE_UNDONE',
  'USER_INVITED',
  'INVITATION_ACCEPTED',
  'USER_DELETED',
  'USERS_IMPORTED',
  'MAIL_GIVEN_UP',
  // Refused requests. Anybody can cause these, so they are limited: see src/audit.
  'REGISTRATION_REFUSED',
  'PASSWORD_CONFIRMATION_FAILED',
  'RATE_LIMIT_REACHED',
  'ACCESS_DENIED',
  'SESSION_ACCESS_DENIED',
  'ACCESS_TOKEN_REFUSED',
  'REFRESH_TOKEN_REFUSED',
  'INTROSPECTION_REFUSED',
  'REVOCATION_REFUSED',
  'LINK_REFUSED',
  'REFUSALS_NOT_RECORDED',
] as const;

export type AuditEventType = (typeof AUDIT_EVENT_TYPES)[number];

/** The longest reason that an administrator gives, in characters. */
export const LONGEST_REASON = 500;

export interface NewAuditEvent {
  readonly type: AuditEventType;
  /** The user that it happened to. */
  readonly userId?: string;
  /** The user that did it, if known. */
  readonly actorId?: string;
  readonly sessionId?: string;
  readonly reason?: string;
  readonly ipAddress?: string;
  /** The `User-Agent` of the request, cut to a limited length. */
  readonly userAgent?: string;
  /** The id of the request in the log and in `x-request-id`. */
  readonly requestId?: string;
}

export interface AuditEvent extends NewAuditEvent {
  readonly id: string;
  readonly createdAt: Date;
}
