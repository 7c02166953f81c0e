import { mailNotConfigured } from '../core/errors';
import type { MailData, NewMail, Notice } from '../core/mail';
import type { Client } from './client';
import type { Dependencies } from './dependencies';

/** Returns what a mail says about the client that caused it. */
export const dataOf = ({ userAgent, ipAddress }: Client): MailData => ({ userAgent, ipAddress });

/** Returns the mails of a notice: none if it is switched off, or if this server sends no mail. */
export const noticesOf = (
  { canMail, settings }: Pick<Dependencies, 'canMail' | 'settings'>,
  kind: Notice,
  data: MailData,
): readonly NewMail[] => (canMail && settings.notices.includes(kind) ? [{ kind, data }] : []);

/** Throws `MAIL_NOT_CONFIGURED` if this server sends no mail. Call it before anything that would depend on an account. */
export function requireMail({ canMail }: Pick<Dependencies, 'canMail'>): void {
  if (!canMail) throw mailNotConfigured();
}
