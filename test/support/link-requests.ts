import type { LinkPurpose } from '../../src/core/link';
import type { MailKind } from '../../src/core/mail';
import { type Api, type Answer, PASSWORD, type Tokens } from './api';
import { linkMaker, waitingMails } from './links';
import type { World } from './world';

export const NEW_PASSWORD = 'quite another horse';

/** What `Tokens` has. A list of sessions would be another statement. */
const TOKENS = '{ accessToken refreshToken session { id } user { id email tokenVersion } }';

/** The mutations that use a link of each purpose, with their variables. */
const USES: Record<LinkPurpose, [query: string, variables: (token: string) => object]> = {
  'reset-password': [
    `mutation($input: ResetPasswordInput!) { it: resetPassword(input: $input) ${TOKENS} }`,
    (token) => ({ input: { token, newPassword: NEW_PASSWORD } }),
  ],
  'accept-invitation': [
    `mutation($input: AcceptInvitationInput!) { it: acceptInvitation(input: $input) ${TOKENS} }`,
    (token) => ({ input: { token, password: NEW_PASSWORD } }),
  ],
  'verify-email': [
    'mutation($token: String!) { it: verifyEmail(token: $token) { id email emailVerified tokenVersion } }',
    (token) => ({ token }),
  ],
  'confirm-email': [
    'mutation($token: String!) { it: confirmEmailChange(token: $token) { id email emailVerified tokenVersion } }',
    (token) => ({ token }),
  ],
  'undo-email': [
    'mutation($token: String!) { it: confirmEmailChange(token: $token) { id email emailVerified tokenVersion } }',
    (token) => ({ token }),
  ],
};

/** Uses a link, and returns the answer whatever it is. */
export function useLink(api: Api, purpose: LinkPurpose, token: string, headers?: Record<string, string>) {
  const [query, variables] = USES[purpose];
  return api.send(query, variables(token), undefined, headers);
}

/** The token of a good reset link. */
export async function resetLink(
  world: World,
  { user }: Pick<Tokens, 'user'>,
  tokenVersion = user.tokenVersion,
): Promise<string> {
  const { make } = await linkMaker(world);
  return make({ purpose: 'reset-password', userId: user.id, email: user.email, tokenVersion });
}

/** The token of the newest link to an address of this kind. */
export async function newestLink(world: World, kind: MailKind, recipient: string): Promise<string> {
  const mail = (await waitingMails(world)).findLast(
    (each) => each.kind === kind && each.recipient === recipient,
  );
  if (!mail) throw new Error(`No mail of the kind ${kind} to ${recipient}.`);
  return (await linkMaker(world)).of(mail);
}

export const requestEmailChange = (
  api: Api,
  { accessToken }: Pick<Tokens, 'accessToken'>,
  newEmail: string,
  password = PASSWORD,
): Promise<Answer> =>
  api.send(
    'mutation($input: EmailChangeInput!) { it: requestEmailChange(input: $input) }',
    { input: { newEmail, password } },
    accessToken,
  );
