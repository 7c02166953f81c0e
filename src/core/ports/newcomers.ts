import type { NewAuditEvent, User } from '../account';
import type { MailData } from '../mail';

/** What is recorded of a registration, by its outcome. The user is filled in. */
export interface RegistrationEvents {
  readonly registered: NewAuditEvent;
  readonly taken: NewAuditEvent;
}

/** Accounts that wait for their first sign-in. Each method is one statement, which also writes a mail and an event. */
export interface Newcomers {
  /**
   * Registers an account that must verify its email first. Overwrites one that is still pending, ends its links, and
   * keeps it as long as a new one. If the email is taken, its owner gets a mail; if it is invited, the invitation again.
   * One mail and one event in each case, so that the time does not tell them apart. Returns the account if it was
   * registered.
   */
  register(
    account: { readonly email: string; readonly passwordHash: string },
    events: RegistrationEvents,
    data: MailData,
  ): Promise<User | undefined>;
  /**
   * Invites, or invites again: the links of before end. A pending registration becomes an invitation, without a password.
   * Throws `CONFLICT` if an account that is not pending has the email.
   */
  invite(account: Pick<User, 'email' | 'role'>, event: NewAuditEvent): Promise<User>;
}
