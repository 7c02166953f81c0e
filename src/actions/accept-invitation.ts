import type { Client } from './client';
import type { Dependencies } from './dependencies';
import { setPasswordByLink } from './use-link';

export interface InvitationAcceptance {
  readonly token: string;
  readonly password: string;
  /** Whether the refresh token goes into a cookie. */
  readonly useCookie?: boolean | null;
}

/** Sets the first password of an invited account, and signs in. The link also verifies the address. */
export const acceptInvitation =
  (deps: Dependencies) =>
  ({ token, password, useCookie }: InvitationAcceptance, client: Client) =>
    setPasswordByLink(
      deps,
      {
        link: { token, purposes: ['accept-invitation'] },
        password,
        useCookie,
        type: 'INVITATION_ACCEPTED',
        notices: [],
      },
      client,
    );
