import { isEmail } from 'class-validator';
import { hasInvisible } from './core/email';
import type { Passwords } from './core/ports/passwords';
import type { Tables } from './core/ports/truth';
import { StartError } from './core/start-error';

export interface AdministratorAccount {
  readonly email: string;
  readonly password: string;
}

/** Makes an account with the role ADMIN. Throws `StartError` with a sentence for whoever runs the service. */
export async function createAdministrator(
  tables: Tables,
  passwords: Passwords,
  { email, password }: AdministratorAccount,
): Promise<void> {
  if (!isEmail(email))
    throw new StartError('ADMIN_EMAIL, or the email that was typed, is not an email address.');
  if (hasInvisible(email))
    throw new StartError("The administrator's email contains an invisible character. Type it anew.");
  const fault = passwords.faultOf(password, email);
  if (fault) throw new StartError(`ADMIN_PASSWORD is refused. ${fault}`);
  if (await tables.users.findByEmail(email)) {
    throw new StartError(
      `There is an account with the email ${email} already. Choose another one, or have an ` +
        'administrator give that account the role with setRole.',
    );
  }
  const user = await tables.users.insert({
    email,
    passwordHash: await passwords.hash(password),
    role: 'ADMIN',
  });
  await tables.audit.append({ type: 'ADMINISTRATOR_CREATED', userId: user.id });
}
