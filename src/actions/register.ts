import type { User } from '../core/account';
import { emailNotVerified, registrationClosed, TokenfenceError } from '../core/errors';
import { checkNewPassword, refuseWeakPassword } from './check-new-password';
import { askerOf, type Client, originOf } from './client';
import type { Dependencies } from './dependencies';
import { type Grant, grant, openSession } from './grant';
import { dataOf } from './notices';
import { type About, withHook } from './run-hook';

export interface Credentials {
  readonly email: string;
  readonly password: string;
  /** Whether the refresh token goes into a cookie. */
  readonly useCookie?: boolean | null;
  /** All of the input but the password, with fields that the application has added. */
  readonly input?: Readonly<Record<string, unknown>>;
}

const registered = (
  user: User,
  { email, input = { email } }: Credentials,
  client: Client,
): About<'registering'> => ({
  user,
  input,
  via: 'register',
  client: originOf(client),
});

type Register = (credentials: Credentials, client: Client) => Promise<Grant>;

const TAKEN = { type: 'REGISTRATION_REFUSED', reason: 'the email is taken' } as const;

/** Records attempts to register a taken email: they reveal which emails have an account. */
const recordTaken =
  ({ recordRefusal }: Dependencies, client: Client) =>
  (error: unknown): never => {
    if (error instanceof TokenfenceError && error.code === 'CONFLICT')
      recordRefusal({ ...TAKEN, ...originOf(client) });
    throw error;
  };

/** Checks and hashes a new password. */
async function hashNew(deps: Dependencies, { email, password }: Credentials, client: Client) {
  await checkNewPassword(deps, password, email);
  return deps.passwords.hash(password, askerOf(client));
}

/** Creates an account and signs in. Throws `CONFLICT` if the email is taken. */
const registerOpenly =
  (deps: Dependencies): Register =>
  async (credentials, client) => {
    const { truth, clock, hooks } = deps;
    const { email, useCookie } = credentials;
    const passwordHash = await hashNew(deps, credentials, client);

    const issuedAt = clock.now();
    const terms = await truth.transaction(
      async (tables) => {
        const user = await tables.users
          .insert({ email, passwordHash, role: 'USER' })
          .catch(recordTaken(deps, client));
        const opening = { type: 'USER_REGISTERED', client, useCookie, issuedAt } as const;
        const opened = await openSession(tables, deps, { ...opening, user: { id: user.id, passwordHash } });
        if (!opened) throw new Error('The user that was just inserted is not there.');
        await hooks.run('registering', tables, registered(opened.user, credentials, client));
        return opened;
      },
      { lends: hooks.has('registering') },
    );
    return grant(deps, terms);
  };

/**
 * Creates an account that must verify its email first, and writes it a mail. The owner of a taken email gets another
 * mail. Throws `EMAIL_NOT_VERIFIED` in both cases, after the same work.
 */
const registerPending =
  (deps: Dependencies): Register =>
  async (credentials, client) => {
    const { email, password } = credentials;
    const origin = originOf(client);
    // First: a few refused passwords must not use up the hour of mails.
    refuseWeakPassword(deps, password, email);
    await deps.rateLimits.mail(email, client);
    const passwordHash = await hashNew(deps, credentials, client);
    const events = {
      registered: { type: 'USER_REGISTERED', ...origin },
      taken: { ...TAKEN, ...origin },
    } as const;
    await withHook(
      deps,
      'registering',
      (tables) => tables.newcomers.register({ email, passwordHash }, events, dataOf(client)),
      (user) => user && registered(user, credentials, client),
    );
    deps.mailSender.wake();
    throw emailNotVerified();
  };

/** Refuses, whatever the email is. */
const refuse =
  ({ recordRefusal }: Dependencies): Register =>
  (_credentials, client) => {
    recordRefusal({ type: 'REGISTRATION_REFUSED', reason: 'registration is closed', ...originOf(client) });
    return Promise.reject(registrationClosed());
  };

const WAYS = { open: registerOpenly, verified: registerPending, invited: refuse } as const;

/** Registers an account, as REGISTRATION allows. */
export const register = (deps: Dependencies): Register => {
  const run = WAYS[deps.settings.registration](deps);
  return async (credentials, client) => {
    await deps.rateLimits.registration(client);
    return run(credentials, client);
  };
};
