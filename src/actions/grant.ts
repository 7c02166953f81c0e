import { randomBytes, randomUUID } from 'node:crypto';
import { type Session, toPublicUser, type User } from '../core/account';
import { LARGEST_SKEW } from '../core/claims';
import type { NewSession, SessionState, SessionUse } from '../core/ports/sessions';
import type { Tables } from '../core/ports/truth';
import type { Receipt } from '../core/receipt';
import type { LoggedRevocation } from '../core/revocation';
import { effectiveRole } from '../core/shape';
import { type Client, originOf } from './client';
import type { Dependencies, TokenSettings } from './dependencies';
import { dataOf, noticesOf } from './notices';

/** The tokens of a client that signs in or refreshes. */
export interface Grant {
  readonly accessToken: string;
  readonly accessTokenExpiresAt: Date;
  readonly refreshToken: string;
  readonly refreshTokenExpiresAt: Date;
  readonly session: Session;
  readonly user: User;
  /** The receipt of the sessions that were ended to make room, if any. */
  readonly receipt?: Receipt;
}

/** What a grant is made of: as of one moment, and signed afterwards. */
export interface GrantTerms extends SessionState {
  /** ms since the Unix epoch, read before the versions. */
  readonly issuedAt: number;
  /** The log entries of the sessions that were ended to make room. */
  readonly displaced?: readonly LoggedRevocation[];
  /** Whether a mail was written. */
  readonly hasMail?: boolean;
}

/** The `client_id` of every token: there is only one client. */
export const CLIENT_ID = 'tokenfence';

/** A secret of one session. 256 random bits (OWASP ASVS 7.2.3). */
export const newSalt = (): Buffer => randomBytes(32);

/** @param issuedAt ms since the Unix epoch */
export const useOf = (client: Client, issuedAt: number, settings: TokenSettings): SessionUse => ({
  usedAt: new Date(issuedAt),
  idleTtl: settings.refreshTokenTtl,
  userAgent: client.userAgent,
  ipAddress: client.ipAddress,
});

/** How a client starts a session. */
interface SessionStart {
  readonly client: Client;
  /** Whether the client keeps its refresh token in a cookie. */
  readonly useCookie: boolean | null | undefined;
  /** ms since the Unix epoch, read before the user */
  readonly issuedAt: number;
}

/** Makes the session that a sign-in starts. */
export const newSession = (
  { client, useCookie, issuedAt }: SessionStart,
  settings: TokenSettings,
): NewSession => ({
  ...useOf(client, issuedAt, settings),
  id: randomUUID(),
  salt: newSalt(),
  usesCookie: useCookie ?? false,
  expiresAt: new Date(issuedAt + settings.sessionMaxAge * 1000),
});

interface Opening extends SessionStart {
  readonly type: 'USER_REGISTERED' | 'LOGIN_SUCCEEDED';
  /** With the hash that the password was compared with. */
  readonly user: { readonly id: string; readonly passwordHash: string };
}

/**
 * Starts a session, and ends older ones to make room. A login from a new device is told to the user. Returns nothing if
 * the user has changed since: is disabled, gone, or has another password.
 */
export async function openSession(
  tables: Pick<Tables, 'sessions'>,
  deps: Pick<Dependencies, 'canMail' | 'settings'>,
  { type, user, ...start }: Opening,
): Promise<GrantTerms | undefined> {
  const { settings } = deps;
  const { sessionsPerUser } = settings;
  const { client, issuedAt } = start;
  const session = newSession(start, settings);
  const event = { userId: user.id, actorId: user.id, ...originOf(client) };
  const opened = await tables.sessions.open({
    ...session,
    userId: user.id,
    passwordHash: user.passwordHash,
    keep: sessionsPerUser - 1,
    event: { ...event, type, sessionId: session.id },
    surplusEvent: {
      ...event,
      type: 'OLDEST_SESSION_ENDED',
      reason: `A user has at most ${sessionsPerUser} sessions. This many were ended: %s.`,
    },
    ifNewDevice: type === 'LOGIN_SUCCEEDED' ? noticesOf(deps, 'new-device', dataOf(client)) : [],
  });
  return opened && { ...opened, issuedAt };
}

/** The application's claims, and what they were read for. */
export interface EarlyClaims extends Pick<SessionState, 'user' | 'fleet'> {
  readonly claims: Readonly<Record<string, unknown>> | undefined;
}

type ReadingClaims = Pick<Dependencies, 'readOwnClaims' | 'settings'>;

/** Reads the application's claims of a session's next token. Throws `SERVICE_UNAVAILABLE`. */
export async function readEarly(
  { readOwnClaims, settings }: ReadingClaims,
  { user, session, fleet }: Pick<SessionState, 'user' | 'session' | 'fleet'>,
): Promise<EarlyClaims> {
  const role = effectiveRole(user.role, settings.roles);
  const holder = { user: { ...toPublicUser(user), role }, session: { ...session } };
  return { claims: await readOwnClaims?.(holder), user, fleet };
}

/** Whether the claims were read for the versions of this token. Then no end of tokens lies between them. */
const areFor = (early: EarlyClaims, { user, fleet }: Pick<SessionState, 'user' | 'fleet'>) =>
  early.user.tokenVersion === user.tokenVersion && early.fleet.globalVersion === fleet.globalVersion;

/**
 * Signs a grant, confirms the revocations it caused, and has its mail sent. Runs after the transaction: the key may have
 * to be read, and the application's claims too. If they cannot be, a client that refreshes may send its token again.
 *
 * @param early claims that were read before
 */
export async function grant(deps: Dependencies, terms: GrantTerms, early?: EarlyClaims): Promise<Grant> {
  const { sign, settings, revoker, refreshTokens, mailSender } = deps;
  const { user, session, generation, salt, fleet, issuedAt, displaced = [], hasMail = false } = terms;
  const role = effectiveRole(user.role, settings.roles);
  if (hasMail) mailSender.wake();
  const receipt =
    displaced.length > 0
      ? await revoker.confirmEnded('SESSION', { entries: displaced, endedSessions: displaced.length })
      : undefined;
  const iat = Math.floor(issuedAt / 1000);
  // A token must not outlive its session: the log has ended sessions, not expired ones. Nor may it outlive its revocation
  // in the log, which is kept by the clock of Postgres: ours may be ahead.
  const latest = Math.floor((fleet.now + LARGEST_SKEW) / 1000) + settings.accessTokenTtl;
  const exp = Math.min(iat + settings.accessTokenTtl, Math.floor(session.expiresAt.getTime() / 1000), latest);
  // By the clock of Postgres, which may be ahead of ours.
  const authTime = Math.min(Math.floor(session.authenticatedAt.getTime() / 1000), iat);
  const { claims } = early && areFor(early, terms) ? early : await readEarly(deps, terms);
  const accessToken = await sign(
    {
      iss: settings.issuer,
      sub: user.id,
      aud: settings.audience,
      client_id: CLIENT_ID,
      iat,
      exp,
      jti: randomUUID(),
      sid: session.id,
      role,
      tokenVersion: user.tokenVersion,
      globalVersion: fleet.globalVersion,
      auth_time: authTime,
      ...(claims && { claims }),
    },
    fleet.signingKeyId,
  );
  return {
    accessToken,
    accessTokenExpiresAt: new Date(exp * 1000),
    refreshToken: refreshTokens.make({ sessionId: session.id, generation, salt }),
    refreshTokenExpiresAt: session.idleExpiresAt,
    session,
    user,
    receipt,
  };
}
