import type { User } from '../core/account';
import { badUserInput } from '../core/errors';
import { hasInvisible } from '../core/email';
import { checkNewPassword } from './check-new-password';
import { checkRole } from './check-role';
import { type Actor, type ActorClient, originOf } from './client';
import type { Dependencies } from './dependencies';
import { isAddress } from './is-address';

export interface NewUser {
  readonly email: string;
  readonly password: string;
  /** `USER` if left out. */
  readonly role?: string;
  /** False if left out. */
  readonly emailVerified?: boolean;
  /** What the hook `registering` gets as its input. */
  readonly input?: Readonly<Record<string, unknown>>;
}

/** Creates an account without a session. Throws `CONFLICT` if the email is taken. */
export const createUser =
  (deps: Dependencies) =>
  async (actor: Actor, account: NewUser, client: ActorClient): Promise<User> => {
    const { email, password, role = 'USER', emailVerified = false, input = { email } } = account;
    checkRole(role, deps.settings);
    if (!isAddress(email) || hasInvisible(email)) throw badUserInput('Email must be an email address.');
    await checkNewPassword(deps, password, email);
    const passwordHash = await deps.passwords.hash(password);
    const origin = originOf(client);
    return deps.truth.transaction(
      async (tables) => {
        const user = await tables.users.insert({ email, passwordHash, role, emailVerified });
        const event = { type: 'USER_REGISTERED', userId: user.id, actorId: actor.userId, ...origin } as const;
        await tables.audit.append(event);
        await deps.hooks.run('registering', tables, { user, input, via: 'api', client: origin });
        return user;
      },
      { lends: deps.hooks.has('registering') },
    );
  };
