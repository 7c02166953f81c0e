import { invalidCredentials, unauthenticated } from '../core/errors';
import type { Principal } from '../guard/guard';
import { type Client, originOf } from './client';
import type { Dependencies } from './dependencies';
import { type Grant, grant, newSalt, useOf } from './grant';
import { checkOwnPassword, ownAccount } from './own-password';

/**
 * Confirms the password in a session, and issues new tokens for it with a new `auth_time`. Its old refresh tokens lose
 * their salt: a copy of one must not become as fresh (OWASP ASVS 7.2.4). Ends no other session and no access token.
 */
export const confirmPassword =
  (deps: Dependencies) =>
  async (principal: Principal, password: string, client: Client): Promise<Grant> => {
    const { truth, clock, settings } = deps;
    const { userId, sessionId } = principal;
    const user = await ownAccount(deps, principal);
    const passwordHash = await checkOwnPassword(deps, { user, sessionId }, password, client);
    // Read before the versions, as at login.
    const issuedAt = clock.now();
    const outcome = await truth.sessions.reauthenticate(
      { id: sessionId, userId },
      { type: 'PASSWORD_CONFIRMED', userId, actorId: userId, sessionId, ...originOf(client) },
      { passwordHash, salt: newSalt(), use: useOf(client, issuedAt, settings) },
    );
    if (outcome === 'password changed') throw invalidCredentials();
    // The session has ended since the token was checked.
    if (outcome === 'session ended') throw unauthenticated('TOKEN_REVOKED');
    return grant(deps, { ...outcome, issuedAt });
  };
