import type { Role } from './claims';

export interface User {
  readonly id: string;
  readonly email: string;
  readonly passwordHash: string;
  readonly role: Role;
  readonly tokenVersion: number;
  readonly disabled: boolean;
  readonly createdAt: Date;
}

/** One login on one device. */
export interface Session {
  readonly id: string;
  readonly userId: string;
  /** Everyone's counter at login: a session from before a `forceLogoutAll` is over. */
  readonly globalVersion: number;
  /** Whether the client keeps its refresh token in a cookie. */
  readonly usesCookie: boolean;
  readonly userAgent: string | undefined;
  readonly ipAddress: string | undefined;
  readonly createdAt: Date;
  readonly lastUsedAt: Date;
  /** The absolute end, whatever the use. */
  readonly expiresAt: Date;
  /** The end unless it is refreshed before. Never later than `expiresAt`. */
  readonly idleExpiresAt: Date;
  readonly endedAt: Date | undefined;
}

/** @param now ms since the epoch */
export function isLive(session: Session, globalVersion: number, now: number): boolean {
  return (
    session.endedAt === undefined &&
    session.globalVersion === globalVersion &&
    now < session.idleExpiresAt.getTime() &&
    now < session.expiresAt.getTime()
  );
}

/** One link of a session's chain of refresh tokens. The token itself is nowhere kept, only its SHA-256. */
export interface RefreshToken {
  readonly id: string;
  readonly sessionId: string;
  readonly userId: string;
  readonly usedAt: Date | undefined;
}

/** A key that signs, or that has signed, access tokens. */
export interface SigningKey {
  readonly id: string;
  readonly algorithm: 'ES256';
  readonly createdAt: Date;
  /** When it stopped signing. Tokens that it signed before live on until they expire. */
  readonly retiredAt: Date | undefined;
  /** When it was revoked: no token that it signed is good. */
  readonly revokedAt: Date | undefined;
}

/** The key with its halves: the public one as PEM (SPKI), the private one sealed with the service's secret. */
export interface StoredSigningKey extends SigningKey {
  readonly publicKey: string;
  readonly sealedPrivateKey: string;
}

/** What the audit log can say. Names are stable: people write alerts on them. */
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
  'ACCOUNT_DELETED',
  'FORCED_LOGOUT',
  'FORCED_SESSION_LOGOUT',
  'FORCED_LOGOUT_OF_EVERYONE',
  'USER_DISABLED',
  'USER_ENABLED',
  'ROLE_CHANGED',
  'REFRESH_TOKEN_REUSED',
  'SIGNING_KEY_ROTATED',
  'SIGNING_KEY_REVOKED',
  'ADMINISTRATOR_CREATED',
  // What was refused. Anybody can cause these, so they are bounded: see src/audit.
  'REGISTRATION_REFUSED',
  'PASSWORD_CONFIRMATION_FAILED',
  'RATE_LIMIT_REACHED',
  'ACCESS_DENIED',
  'SESSION_ACCESS_DENIED',
  'ACCESS_TOKEN_REFUSED',
  'REFRESH_TOKEN_REFUSED',
  'INTROSPECTION_REFUSED',
  'REFUSALS_NOT_RECORDED',
] as const;

export type AuditEventType = (typeof AUDIT_EVENT_TYPES)[number];

export interface NewAuditEvent {
  readonly type: AuditEventType;
  /** Whom it happened to. */
  readonly userId?: string;
  /** Who did it, where that is known. */
  readonly actorId?: string;
  readonly sessionId?: string;
  readonly reason?: string;
  readonly ipAddress?: string;
  /** The `User-Agent` of the request, cut to a bounded length. */
  readonly userAgent?: string;
  /** The id that the request has in the log and in `x-request-id`. */
  readonly requestId?: string;
}

export interface AuditEvent extends NewAuditEvent {
  readonly id: string;
  readonly createdAt: Date;
}
