import { badUserInput } from '../core/errors';
import type { Dependencies } from './dependencies';

/** Throws `BAD_USER_INPUT` for a password that the rules refuse. Asks no other server. */
export function refuseWeakPassword(
  { passwords }: Pick<Dependencies, 'passwords'>,
  password: string,
  email: string,
): void {
  const fault = passwords.faultOf(password, email);
  if (fault !== undefined) throw badUserInput(fault);
}

/** ... or that is known from a breach. Count the attempt before: this may ask another server. */
export async function checkNewPassword(
  deps: Pick<Dependencies, 'passwords' | 'isBreached'>,
  password: string,
  email: string,
): Promise<void> {
  refuseWeakPassword(deps, password, email);
  if (await deps.isBreached(password))
    throw badUserInput('This password is known from a data breach of another service. Choose another.');
}
