import { isEmail } from 'class-validator';
import type { Passwords } from './core/ports/passwords';
import type { Tables } from './core/ports/truth';

/** Makes an account with the role ADMIN. Throws an `Error` with a sentence for whoever runs the service. */
export async function createAdministrator(
  tables: Tables,
  passwords: Passwords,
  { email, password }: { readonly email: string; readonly password: string },
): Promise<void> {
  if (!isEmail(email)) throw new Error("The administrator's email is not an email address.");
  const fault = passwords.faultOf(password);
  if (fault) throw new Error(`The administrator's password will not do. ${fault}`);
  const user = await tables.users.insert({
    email,
    passwordHash: await passwords.hash(password),
    role: 'ADMIN',
  });
  await tables.audit.append({ type: 'ADMINISTRATOR_CREATED', userId: user.id });
}
