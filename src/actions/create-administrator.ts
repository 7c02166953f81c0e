import { isEmail } from 'class-validator';
import { hasInvisible } from '../core/email';
import type { Passwords } from '../core/ports/passwords';
import type { Tables } from '../core/ports/truth';
import { StartError } from '../core/start-error';

export interface AdministratorAccount {
  readonly email: string;
  readonly password: string;
}

/** Creates an account with the role ADMIN. Throws `StartError`, which says what is wrong. */
export async function createAdministrator(
  tables: Tables,
  passwords: Passwords,
  { email, password }: AdministratorAccount,
): Promise<void> {
  if (!isEmail(email))
    throw new StartError('ADMIN_EMAIL, or the email that you typed, is not a valid email address.');
  if (hasInvisible(email))
    throw new StartError("The administrator's email contains an invisible character. Type it again.");
  const fault = passwords.faultOf(password, email);
  if (fault) throw new StartError(`ADMIN_PASSWORD is refused. ${fault}`);
  if (await tables.users.findByEmail(email)) {
    throw new StartError(
      `An account with the email ${email} already exists. Choose another email, or ask an ` +
        'administrator to run setRole for that account.',
    );
  }
  const user = await tables.users.insert({
    email,
    passwordHash: await passwords.hash(password),
    role: 'ADMIN',
  });
  await tables.audit.append({ type: 'ADMINISTRATOR_CREATED', userId: user.id });
}
