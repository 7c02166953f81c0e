import type { Principal } from '../guard/guard';
import { checkNewPassword } from './check-new-password';
import { askerOf, type Client } from './client';
import { checkOwnPassword, ownAccount } from './own-password';
import type { Dependencies } from './dependencies';
import { endOthersAndReissue } from './reissue';

export interface PasswordChange {
  readonly currentPassword: string;
  readonly newPassword: string;
}

/** Sets a new password, and ends every other session and every token (OWASP ASVS 7.4.3). */
export const changePassword =
  (deps: Dependencies) => async (principal: Principal, change: PasswordChange, client: Client) => {
    const { passwords } = deps;
    const before = await ownAccount(deps, principal);
    await checkNewPassword(deps, change.newPassword, before.email);
    const account = { user: before, sessionId: principal.sessionId };
    const confirmed = await checkOwnPassword(deps, account, change.currentPassword, client);
    const after = await passwords.hash(change.newPassword, askerOf(client));
    const password = { before: confirmed, after };
    return endOthersAndReissue(deps, principal, client, 'PASSWORD_CHANGED', password);
  };
