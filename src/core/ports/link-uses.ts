import type { NewAuditEvent, Session, User } from '../account';
import type { Link } from '../link';
import type { NewMail } from '../mail';
import type { Ended, NewSession, SessionState } from './sessions';

/** A change of email that a signed-in user asks for. */
export interface EmailChangeRequest {
  readonly session: Pick<Session, 'id' | 'userId'>;
  /** The version under which the password was confirmed. If it was raised since, nothing is written. */
  readonly tokenVersion: number;
  readonly newEmail: string;
  readonly requestedAt: Date;
}

/** A changed email, and what that ended. */
export interface EmailChanged extends Ended {
  readonly user: User;
  readonly previousEmail: string;
}

/**
 * Uses links, each in one statement with its audit event, its entries in the log, and its mails. All but `verifyEmail`
 * raise the user's version, and so end every session and token of before. Each returns nothing if the link is not good:
 * used, superseded, or of a user that is disabled or gone.
 */
export interface LinkUses {
  /** Sets a password and opens a session. For `accept-invitation` the account must be pending. */
  setPassword(
    link: Link,
    passwordHash: string,
    session: NewSession,
    event: NewAuditEvent,
    notices: readonly NewMail[],
  ): Promise<(Ended & { readonly state: SessionState }) | undefined>;
  verifyEmail(link: Link, event: NewAuditEvent): Promise<User | undefined>;
  /**
   * Writes the link of a change to the new address, or `account-exists` to the owner if another account has it: one mail
   * either way. A pending registration does not count as an owner. Returns false, and writes nothing, if the session has
   * ended or the version was raised.
   *
   * @param mail what both mails say
   * @param notices go to the address of before
   */
  requestEmailChange(
    request: EmailChangeRequest,
    event: NewAuditEvent,
    mail: Pick<NewMail, 'data'>,
    notices: readonly NewMail[],
  ): Promise<boolean>;
  /**
   * Changes the email, and keeps a verified one of before for its owner to undo that. Throws `CONFLICT` if another
   * account has the address, or may take it back. A pending registration of the address is deleted.
   *
   * @param notices go to the address of before
   */
  changeEmail(
    link: Link,
    event: NewAuditEvent,
    notices: readonly NewMail[],
  ): Promise<EmailChanged | undefined>;
  /**
   * Restores the address, and removes the password. The version of the link is that of the change, which further raises
   * do not end.
   *
   * @param mails go to the restored address
   */
  undoEmailChange(
    link: Link,
    event: NewAuditEvent,
    mails: readonly NewMail[],
  ): Promise<EmailChanged | undefined>;
}
