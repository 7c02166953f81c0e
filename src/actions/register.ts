import { badUserInput, TokenfenceError } from '../core/errors';
import { askerOf, type Client, originOf } from './client';
import type { Dependencies } from './dependencies';
import { grant, openSession } from './grant';

export interface Credentials {
  readonly email: string;
  readonly password: string;
  /** Whether the refresh token goes into a cookie. */
  readonly useCookie?: boolean | null;
}

/** Records attempts to register a taken email: they reveal which emails have an account. */
const recordTaken =
  ({ recordRefusal }: Dependencies, client: Client) =>
  (error: unknown): never => {
    if (error instanceof TokenfenceError && error.code === 'CONFLICT')
      recordRefusal({ type: 'REGISTRATION_REFUSED', reason: 'the email is taken', ...originOf(client) });
    throw error;
  };

/** Creates an account and signs in. Throws `CONFLICT` if the email is taken. */
export const register = (deps: Dependencies) => async (credentials: Credentials, client: Client) => {
  const { truth, passwords, rateLimits, clock, settings } = deps;
  const { email, password, useCookie } = credentials;
  const fault = passwords.faultOf(password, email);
  if (fault) throw badUserInput(fault);
  await rateLimits.registration(client);
  const passwordHash = await passwords.hash(password, askerOf(client));

  const issuedAt = clock.now();
  const terms = await truth.transaction(async (tables) => {
    const user = await tables.users
      .insert({ email, passwordHash, role: 'USER' })
      .catch(recordTaken(deps, client));
    return openSession(tables, settings, { type: 'USER_REGISTERED', user, client, useCookie, issuedAt });
  });
  if (!terms) throw new Error('The user that was just inserted is not there.');
  return grant(deps, terms);
};
