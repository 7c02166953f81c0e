import type { User } from '../core/account';
import { emailNotVerified, invalidCredentials, TokenfenceError } from '../core/errors';
import { type Client, originOf } from './client';
import type { Dependencies } from './dependencies';
import { grant, openSession } from './grant';
import { dataOf } from './notices';
import type { Credentials } from './register';
import { rehash } from './rehash';
import { begun, withHook } from './run-hook';
import { countPasswordAttempt } from './try-password';

/**
 * Whether the user must open the link in a mail before they may sign in. Administrators need not: the operator or another
 * administrator made them one, and a broken mail server must not lock them out.
 */
const mustVerify = ({ settings }: Dependencies, { pending, emailVerified, role }: User): boolean =>
  pending || (settings.registration === 'verified' && !emailVerified && role !== 'ADMIN');

/** Writes the mail with the link again, within the limits. The limits do not change the answer. */
async function mailAgain(deps: Dependencies, { id, email }: User, client: Client): Promise<void> {
  if (!deps.canMail) return;
  try {
    await deps.rateLimits.mail(email, client);
  } catch (error) {
    if (error instanceof TokenfenceError && error.code === 'RATE_LIMITED') return;
    throw error;
  }
  const event = { type: 'EMAIL_VERIFICATION_REQUESTED', userId: id, ...originOf(client) } as const;
  await deps.truth.mails.writeToUser(id, { kind: 'email-verification', data: dataOf(client) }, event);
  deps.mailSender.wake();
}

/**
 * Signs a user in. Throws `INVALID_CREDENTIALS` for an unknown email, a wrong password and a disabled user, after the
 * same work. Throws `EMAIL_NOT_VERIFIED` to a user with the right password who must verify the email first.
 */
export const login = (deps: Dependencies) => async (credentials: Credentials, client: Client) => {
  const { truth, clock } = deps;
  const { email, password, useCookie } = credentials;
  const isRight = await countPasswordAttempt(deps, { email }, client);

  const lookup: { user?: User } = {};
  const right = await isRight(async () => {
    lookup.user = await truth.users.findByEmail(email);
    return lookup.user?.passwordHash;
  }, password);
  const found = lookup.user;
  if (found && right && !found.disabled && mustVerify(deps, found)) {
    const reason = 'the email is not verified';
    deps.recordRefusal({ type: 'LOGIN_FAILED', userId: found.id, reason, ...originOf(client) });
    await mailAgain(deps, found, client);
    throw emailNotVerified();
  }
  const user = found && right ? await rehash(deps, found, password, client) : undefined;
  // Read before the version, so that no token outlives its revocation in the log.
  const issuedAt = clock.now();
  // Nothing is opened if the password has changed, or the user was disabled, while it was hashed.
  const opening = { type: 'LOGIN_SUCCEEDED', client, useCookie, issuedAt } as const;
  const terms = user
    ? await withHook(
        deps,
        'loggedIn',
        (tables) => openSession(tables, deps, { ...opening, user }),
        begun(client),
      )
    : undefined;
  if (terms) return grant(deps, terms);
  deps.recordRefusal({ type: 'LOGIN_FAILED', userId: found?.id, ...originOf(client) });
  throw invalidCredentials();
};
