import type { Client } from './client';
import type { Dependencies } from './dependencies';
import { dataOf, noticesOf } from './notices';
import { setPasswordByLink } from './use-link';

export interface PasswordReset {
  readonly token: string;
  readonly newPassword: string;
  /** Whether the refresh token goes into a cookie. */
  readonly useCookie?: boolean | null;
}

/**
 * Sets a new password by the link of a mail, ends every session and token, and signs in. The link also verifies the
 * address.
 */
export const resetPassword =
  (deps: Dependencies) =>
  ({ token, newPassword, useCookie }: PasswordReset, client: Client) =>
    setPasswordByLink(
      deps,
      {
        link: { token, purposes: ['reset-password'] },
        password: newPassword,
        useCookie,
        type: 'PASSWORD_RESET',
        notices: noticesOf(deps, 'password-changed', dataOf(client)),
      },
      client,
    );
