import { randomBytes, randomUUID } from 'node:crypto';
import type { Session, User } from '../core/account';
import { LARGEST_SKEW } from '../core/claims';
import type { NewSession, SessionState, SessionUse } from '../core/ports/sessions';
import type { Tables } from '../core/ports/truth';
import type { Receipt } from '../core/receipt';
import type { LoggedRevocation } from '../core/revocation';
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

/** Signs a grant, confirms the revocations it caused, and has its mail sent. Runs after the transaction: the key may have to be read. */
export async function grant(
  { sign, settings, revoker, refreshTokens, mailSender }: Dependencies,
  { user, session, generation, salt, fleet, issuedAt, displaced = [], hasMail = false }: GrantTerms,
): Promise<Grant> {
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
      role: user.role,
      tokenVersion: user.tokenVersion,
      globalVersion: fleet.globalVersion,
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
