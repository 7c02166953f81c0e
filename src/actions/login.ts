import type { User } from '../core/account';
import { invalidCredentials } from '../core/errors';
import { type Client, originOf } from './client';
import type { Dependencies } from './dependencies';
import { grant, openSession } from './grant';
import type { Credentials } from './register';
import { countPasswordAttempt } from './try-password';

/**
 * Signs a user in. Throws `INVALID_CREDENTIALS` for an unknown email, a wrong password and a disabled user, after the
 * same work.
 */
export const login = (deps: Dependencies) => async (credentials: Credentials, client: Client) => {
  const { truth, clock, settings } = deps;
  const { email, password, useCookie } = credentials;
  const isRight = await countPasswordAttempt(deps, { email }, client);

  const lookup: { user?: User } = {};
  const right = await isRight(async () => {
    lookup.user = await truth.users.findByEmail(email);
    return lookup.user?.passwordHash;
  }, password);
  const found = lookup.user;
  // Read before the version, so that no token outlives its revocation in the log.
  const issuedAt = clock.now();
  // Nothing is opened if the password has changed, or the user was disabled, while it was hashed.
  const opening = { type: 'LOGIN_SUCCEEDED', client, useCookie, issuedAt } as const;
  const terms = found && right ? await openSession(truth, settings, { ...opening, user: found }) : undefined;
  if (terms) return grant(deps, terms);
  deps.recordRefusal({ type: 'LOGIN_FAILED', userId: found?.id, ...originOf(client) });
  throw invalidCredentials();
};
