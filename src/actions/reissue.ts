import type { NewAuditEvent } from '../core/account';
import { invalidCredentials, unauthenticated } from '../core/errors';
import type { Reissue } from '../core/ports/sessions';
import type { Receipt } from '../core/receipt';
import type { Principal } from '../guard/guard';
import { type Client, originOf } from './client';
import type { Dependencies } from './dependencies';
import { type Grant, grant, newSalt, useOf } from './grant';
import { dataOf, noticesOf } from './notices';

/**
 * Ends every other session and every token of the caller, and issues new tokens for this session. Its old refresh tokens
 * lose their salt, so copies of them are useless.
 *
 * @param password a change of the password, which happens in the same statement
 */
export async function endOthersAndReissue(
  deps: Dependencies,
  { userId, sessionId }: Principal,
  client: Client,
  type: NewAuditEvent['type'],
  password?: Reissue['password'],
): Promise<{ grant: Grant; receipt: Receipt }> {
  const { truth, revoker, clock, settings } = deps;
  const mails = password ? noticesOf(deps, 'password-changed', dataOf(client)) : [];
  // Read before the versions, as at login.
  const issuedAt = clock.now();
  const outcome = await truth.ends.others(
    { id: sessionId, userId },
    { type, userId, actorId: userId, sessionId, ...originOf(client) },
    { salt: newSalt(), use: useOf(client, issuedAt, settings), password, mails },
  );
  // Of two concurrent changes, the second was confirmed with an old password.
  if (outcome === 'password changed') throw invalidCredentials();
  // The session has ended since the token was checked.
  if (outcome === 'session ended') throw unauthenticated('TOKEN_REVOKED');
  const receipt = await revoker.confirmEnded('USER', { ...outcome, user: outcome.state.user });
  return { grant: await grant(deps, { ...outcome.state, issuedAt, hasMail: mails.length > 0 }), receipt };
}
