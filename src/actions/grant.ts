import { createHash, randomBytes, randomUUID } from 'node:crypto';
import type { Session, User } from '../core/account';
import { LARGEST_SKEW } from '../core/claims';
import type { Fleet, Tables } from '../core/ports/truth';
import type { Receipt } from '../core/receipt';
import type { LoggedRevocation } from '../core/revocation';
import { type Client, originOf } from './client';
import type { Dependencies, TokenSettings } from './dependencies';

/** What a client gets when it signs in or refreshes. */
export interface Grant {
  readonly accessToken: string;
  readonly accessTokenExpiresAt: Date;
  readonly refreshToken: string;
  readonly refreshTokenExpiresAt: Date;
  readonly session: Session;
  readonly user: User;
  /** Of the sessions that had to make room, if any had. */
  readonly receipt?: Receipt;
}

/** All that goes into a grant, settled inside the transaction; the signing comes after it. */
export interface GrantTerms {
  readonly user: User;
  readonly session: Session;
  readonly refreshToken: string;
  readonly fleet: Fleet;
  /** ms since the epoch, read before the versions were. */
  readonly issuedAt: number;
  /** The sessions that have to make room, as they stand in the log. */
  readonly displaced?: readonly LoggedRevocation[];
}

/** Every token's `client_id`: there is one client, and it is the service's own. */
export const CLIENT_ID = 'tokenfence';

/** 256 random bits (OWASP ASVS 7.2.3). */
const newRefreshToken = () => randomBytes(32).toString('base64url');

/** What is kept of a refresh token. It has full entropy, so a fast hash serves. */
export const hashOf = (refreshToken: string): Buffer => createHash('sha256').update(refreshToken).digest();

const REFRESH_TOKEN = /^[A-Za-z0-9_-]{43}$/;

export const looksLikeRefreshToken = (text: string): boolean => REFRESH_TOKEN.test(text);

/** When a session that is used at `now` (ms) ends without further use. */
const idleEnd = (now: number, expiresAt: Date, settings: TokenSettings) =>
  new Date(Math.min(now + settings.refreshTokenTtl * 1000, expiresAt.getTime()));

/** Ends the sessions used longest ago of a user who is about to have one too many. */
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

/**
 * Begins a session, and ends those that have to make room for it. The user's row must be locked for update: so nobody
 * else begins one at the same time, and a change of the version waits, or has been waited for.
 */
export async function openSession(
  tables: Tables,
  settings: TokenSettings,
  opening: { user: User; client: Client; usesCookie: boolean; issuedAt: number },
): Promise<GrantTerms> {
  const { user, client, usesCookie, issuedAt } = opening;
  const fleet = await tables.fleet.read();
  const displaced = await makeRoom(tables, settings, user, client);
  const expiresAt = new Date(issuedAt + settings.sessionMaxAge * 1000);
  const session = await tables.sessions.insert({
    id: randomUUID(),
    userId: user.id,
    globalVersion: fleet.globalVersion,
    usesCookie,
    userAgent: client.userAgent,
    ipAddress: client.ipAddress,
    createdAt: new Date(issuedAt),
    expiresAt,
    idleExpiresAt: idleEnd(issuedAt, expiresAt, settings),
  });
  const refreshToken = newRefreshToken();
  await tables.refreshTokens.insert({ hash: hashOf(refreshToken), sessionId: session.id });
  return { user, session, refreshToken, fleet, issuedAt, displaced };
}

/** Goes on with a session, under a new refresh token. The rows of user and session must be locked. */
export async function continueSession(
  tables: Tables,
  settings: TokenSettings,
  going: { user: User; session: Session; client: Client; issuedAt: number; fleet: Fleet; parentId?: string },
): Promise<GrantTerms> {
  const { user, session, client, issuedAt, fleet, parentId } = going;
  const refreshToken = newRefreshToken();
  await tables.refreshTokens.insert({
    hash: hashOf(refreshToken),
    sessionId: session.id,
    parentId,
  });
  const use = {
    lastUsedAt: new Date(issuedAt),
    idleExpiresAt: idleEnd(issuedAt, session.expiresAt, settings),
    userAgent: client.userAgent,
    ipAddress: client.ipAddress,
  };
  await tables.sessions.touch(session.id, use);
  return { user, session: { ...session, ...use }, refreshToken, fleet, issuedAt };
}

/**
 * Signs what was settled, and delivers what was ended for it. After the transaction, as the key may have to be read first.
 */
export async function grant(
  { sign, settings, revoker }: Pick<Dependencies, 'sign' | 'settings' | 'revoker'>,
  { user, session, refreshToken, fleet, issuedAt, displaced: [first, ...others] = [] }: GrantTerms,
): Promise<Grant> {
  const receipt = first && (await revoker.confirmSessions([first, ...others]));
  const iat = Math.floor(issuedAt / 1000);
  // A token must not outlive its session: the log names sessions that were ended, not those that ran out.
  // Nor the time for which the log keeps what may refuse it, which is counted by the clock of Postgres: ours may be ahead.
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
