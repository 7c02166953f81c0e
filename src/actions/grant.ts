import { createHash, randomBytes, randomUUID } from 'node:crypto';
import type { Session, User } from '../core/account';
import { LARGEST_SKEW } from '../core/claims';
import type { Fleet, Tables } from '../core/ports/truth';
import type { Receipt } from '../core/receipt';
import type { LoggedRevocation } from '../core/revocation';
import { type Client, originOf } from './client';
import type { Dependencies, TokenSettings } from './dependencies';

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

/** The content of a grant, fixed inside the transaction. It is signed afterwards. */
export interface GrantTerms {
  readonly user: User;
  readonly session: Session;
  readonly refreshToken: string;
  readonly fleet: Fleet;
  /** ms since the Unix epoch, read before the versions. */
  readonly issuedAt: number;
  /** The log entries of the sessions that were ended to make room. */
  readonly displaced?: readonly LoggedRevocation[];
}

/** The `client_id` of every token: there is only one client. */
export const CLIENT_ID = 'tokenfence';

/** Hashes a refresh token for storage. It has full entropy, so a fast hash is enough. */
export const hashOf = (refreshToken: string): Buffer => createHash('sha256').update(refreshToken).digest();

/** Makes a session's next refresh token of 256 random bits (OWASP ASVS 7.2.3). Only its hash is stored. */
async function addRefreshToken(tables: Tables, sessionId: string, parentId?: string): Promise<string> {
  const refreshToken = randomBytes(32).toString('base64url');
  await tables.refreshTokens.insert({ hash: hashOf(refreshToken), sessionId, parentId });
  return refreshToken;
}

export const looksLikeRefreshToken = (text: string): boolean => /^[A-Za-z0-9_-]{43}$/.test(text);

/** Returns when a session that is used at `now` (ms) expires without further use. */
const idleEnd = (now: number, expiresAt: Date, settings: TokenSettings) =>
  new Date(Math.min(now + settings.refreshTokenTtl * 1000, expiresAt.getTime()));

/** Ends the least recently used sessions of a user who is at the limit. */
async function makeRoom(
  tables: Tables,
  { sessionsPerUser }: TokenSettings,
  { id: userId }: User,
  client: Client,
): Promise<readonly LoggedRevocation[]> {
  const ended = await tables.sessions.endSurplusOf(userId, sessionsPerUser - 1);
  if (ended.length === 0) return [];
  return tables.log.append(
    ended.map((sessionId) => ({ kind: 'SESSION', userId, sessionId })),
    {
      type: 'OLDEST_SESSION_ENDED',
      userId,
      actorId: userId,
      sessionId: ended.length === 1 ? ended[0] : undefined,
      reason: `A user has at most ${sessionsPerUser} sessions. This many were ended: ${ended.length}.`,
      ...originOf(client),
    },
  );
}

interface Opening {
  readonly type: 'USER_REGISTERED' | 'LOGIN_SUCCEEDED';
  readonly user: User;
  readonly client: Client;
  /** Whether the client keeps its refresh token in a cookie. */
  readonly useCookie: boolean | null | undefined;
  readonly issuedAt: number;
}

/**
 * Starts a session, ends older ones to make room, and records it. The user's row must be locked for update: no other
 * session starts at the same time, and the version cannot change.
 */
export async function openSession(
  tables: Tables,
  settings: TokenSettings,
  { type, user, client, useCookie, issuedAt }: Opening,
): Promise<GrantTerms> {
  const fleet = await tables.fleet.read();
  const displaced = await makeRoom(tables, settings, user, client);
  const expiresAt = new Date(issuedAt + settings.sessionMaxAge * 1000);
  const session = await tables.sessions.insert({
    id: randomUUID(),
    userId: user.id,
    globalVersion: fleet.globalVersion,
    usesCookie: useCookie ?? false,
    userAgent: client.userAgent,
    ipAddress: client.ipAddress,
    createdAt: new Date(issuedAt),
    expiresAt,
    idleExpiresAt: idleEnd(issuedAt, expiresAt, settings),
  });
  const refreshToken = await addRefreshToken(tables, session.id);
  const { id: userId } = user;
  await tables.audit.append({ type, userId, actorId: userId, sessionId: session.id, ...originOf(client) });
  return { user, session, refreshToken, fleet, issuedAt, displaced };
}

/** Continues a session with a new refresh token. The rows of user and session must be locked. */
export async function continueSession(
  tables: Tables,
  settings: TokenSettings,
  going: { user: User; session: Session; client: Client; issuedAt: number; fleet: Fleet; parentId?: string },
): Promise<GrantTerms> {
  const { user, session, client, issuedAt, fleet, parentId } = going;
  const refreshToken = await addRefreshToken(tables, session.id, parentId);
  const use = {
    lastUsedAt: new Date(issuedAt),
    idleExpiresAt: idleEnd(issuedAt, session.expiresAt, settings),
    userAgent: client.userAgent,
    ipAddress: client.ipAddress,
  };
  await tables.sessions.touch(session.id, use);
  return { user, session: { ...session, ...use }, refreshToken, fleet, issuedAt };
}

/** Signs a grant, and confirms the revocations it caused. Runs after the transaction: the key may have to be read. */
export async function grant(
  { sign, settings, revoker }: Dependencies,
  { user, session, refreshToken, fleet, issuedAt, displaced: [first, ...others] = [] }: GrantTerms,
): Promise<Grant> {
  const receipt = first && (await revoker.confirmSessions([first, ...others]));
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
    refreshToken,
    refreshTokenExpiresAt: session.idleExpiresAt,
    session,
    user,
    receipt,
  };
}
