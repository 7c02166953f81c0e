import type { NewAuditEvent } from '../account';
import type { MailData, MailKind, NewMail } from '../mail';

/** Writes to the outbox. A statement that changes something writes its mails itself: see src/postgres/mails.ts. */
export interface Mails {
  /** Writes a mail to a user, and its event, in one statement. Returns false if the user is missing or disabled. */
  writeToUser(userId: string, mail: NewMail, event?: NewAuditEvent): Promise<boolean>;
  /**
   * Writes a mail to an address: one row and one event, whether or not an account has it, so that the time does not
   * tell. If one has it, the mail goes to the account's own spelling of the address. The given one may be another
   * mailbox, whose name only folds to the same.
   */
  writeToAddress(email: string, mail: Pick<NewMail, 'kind' | 'data'>, event: NewAuditEvent): Promise<void>;
}

/** A mail that this node may send until its lease ends. */
export interface ClaimedMail {
  readonly id: string;
  readonly kind: MailKind;
  readonly recipient: string;
  /** `undefined` if no account had the address. */
  readonly userId: string | undefined;
  /** The user's version when the mail was written. */
  readonly tokenVersion: number | undefined;
  readonly data: MailData;
  readonly createdAt: Date;
  /** How often it was claimed, this time included. It names the claim: a later one has another number. */
  readonly attempts: number;
  /** Whether the user is enabled and still has that version. A link of another version would be refused. */
  readonly isCurrent: boolean;
  /** Whether the recipient is the previous email of the user, and can still undo its change. */
  readonly canUndo: boolean;
  /** Whether an earlier attempt ended without the answer of the mail server, which may have taken the mail. */
  readonly unanswered: boolean;
}

type Claim = Pick<ClaimedMail, 'id' | 'attempts'>;

/** Reads the outbox for the sender. Each change takes effect only while the claim is the last one. */
export interface Outbox {
  /**
   * Claims mails whose time has come, at most `limit`. No other node gets them for `lease` ms. Then any node may, so
   * that the mails of a dead one are sent.
   */
  claim(limit: number, lease: number): Promise<ClaimedMail[]>;
  /** Removes a mail that was sent, or that has no reader. */
  remove(claim: Claim): Promise<void>;
  /**
   * Lets the next attempt begin after `delay` ms.
   *
   * @param unanswered whether this attempt ended without an answer. Once true, it stays so.
   */
  retry(claim: Claim, delay: number, unanswered: boolean): Promise<void>;
  /** Removes a mail and records `MAIL_GIVEN_UP`, in one statement. */
  giveUp(mail: ClaimedMail, reason: string): Promise<void>;
  /** Returns when the oldest mail was written; `undefined` if there is none. */
  oldest(): Promise<Date | undefined>;
}

/** A mail as it is sent. */
export interface MailMessage {
  /** Makes the Message-ID, which is the same at each attempt. */
  readonly id: string;
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  readonly html: string;
}

/**
 * Why a mail was not sent. `away`: the mail server cannot be reached, or does not let us in. `permanent`: it refused the
 * recipient or the message for good. `unanswered`: it got the message, at least in part, and its answer is missing, so it
 * may have taken it.
 */
export type SendingFault = 'away' | 'temporary' | 'permanent' | 'unanswered';

/** How an attempt at sending ended. */
export type Sending =
  | { readonly sent: true }
  /** `reason`: for the log and the audit log. It has nothing of the message. */
  | { readonly sent: false; readonly fault: SendingFault; readonly reason: string };

export interface MailTransport {
  /** Never rejects. @param signal ends the attempt */
  send(message: MailMessage, signal: AbortSignal): Promise<Sending>;
}

/** The sender of this node. */
export interface MailSender {
  /** Looks into the outbox soon. Call it after a write. */
  wake(): void;
}
