/** Tells a user about a change of their account. Each can be switched off. */
export const NOTICES = ['new-device', 'password-changed', 'email-changed', 'session-reused'] as const;
export type Notice = (typeof NOTICES)[number];

/** What a mail is about. `account-exists` goes to the owner of an address that somebody tried to register or take. */
export const MAIL_KINDS = [
  'password-reset',
  'email-verification',
  'email-change',
  'email-change-requested',
  'invitation',
  'account-exists',
  ...NOTICES,
] as const;
export type MailKind = (typeof MAIL_KINDS)[number];

/** What the text of a mail says besides its recipient. Never a secret, and never a link: the sender makes it. */
export interface MailData {
  /** The address that an account changes to. */
  readonly newEmail?: string;
  readonly userAgent?: string | undefined;
  readonly ipAddress?: string | undefined;
}

/** A mail to be written to the outbox. */
export interface NewMail {
  readonly kind: MailKind;
  /** The address of the user if left out. */
  readonly recipient?: string;
  readonly data?: MailData;
}
