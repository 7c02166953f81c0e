import { isIP } from 'node:net';
import { lifetimeOf, type LinkLifetimes, linkUrl, PURPOSE_OF } from '../core/link';
import type { ClaimedMail, MailMessage } from '../core/ports/mails';
import type { LinkTokens } from '../core/ports/tokens';
import { deviceOf } from './device';
import {
  escapeHtml,
  fillIn,
  hasLink,
  type Template,
  type TemplateName,
  type Templates,
  type Values,
} from './templates';

export interface ComposeOptions extends LinkLifetimes {
  readonly templates: Templates;
  readonly links: LinkTokens;
  readonly appUrl: string;
  readonly serviceName: string;
}

/** ms for which any mail waits at most. */
const LONGEST_WAIT = 24 * 3600 * 1000;

/** One mailbox. Nothing in it ends the address, begins another, or begins another header. */
const MAILBOX = /^(?:"(?:[^"\\]|\\.)+"|[^\s@"(),:;<>[\]\\]+)@[^\s@"(),:;<>\\]+$/;

/** Control characters, invisible marks such as those that reverse text, and line breaks of every kind. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]+/gu;

/** Whether this is the address of one mailbox. */
export const isMailbox = (address: string): boolean =>
  address.length <= 320 && address.search(UNSEEN) < 0 && MAILBOX.test(address);

const cleaned = (text: string) => text.replace(UNSEEN, ' ').trim();

/** 2026-11-26 08:10 UTC */
const shownTime = (time: Date) => `${time.toISOString().slice(0, 16).replace('T', ' ')} UTC`;

const templateOf = ({ kind, canUndo }: ClaimedMail): TemplateName =>
  kind === 'email-changed' && !canUndo ? 'email-changed-no-undo' : kind;

/** Returns the places of the link of a mail, if it has one. The link is the same at each attempt. */
function linkValues(mail: ClaimedMail, { links, appUrl, ...lifetimes }: ComposeOptions): Values {
  const purpose = PURPOSE_OF[mail.kind];
  const { userId, tokenVersion, recipient: email, createdAt: issuedAt } = mail;
  if (!hasLink(templateOf(mail)) || purpose === undefined) return {};
  if (userId === undefined || tokenVersion === undefined)
    throw new Error('A mail with a link has no account.');
  const lifetime = lifetimeOf(purpose, lifetimes);
  const token = links.make({ purpose, userId, email, tokenVersion }, { issuedAt, lifetime });
  return {
    link: linkUrl(appUrl, purpose, token),
    expires: shownTime(new Date(issuedAt.getTime() + lifetime * 1000)),
  };
}

/** Whether nobody needs the mail: its link would be refused, or no account has the address. */
export const isMoot = (mail: ClaimedMail): boolean =>
  mail.kind !== 'email-changed' && hasLink(mail.kind) && !mail.isCurrent;

/** Returns the ms after which a mail is given up: a day, or when its link has expired. */
export function longestWait({ kind }: Pick<ClaimedMail, 'kind'>, lifetimes: LinkLifetimes): number {
  const purpose = PURPOSE_OF[kind];
  return purpose === undefined ? LONGEST_WAIT : Math.min(LONGEST_WAIT, lifetimeOf(purpose, lifetimes) * 1000);
}

/** A newer version may have written a kind of mail that this one does not know. Its nodes will send it. */
function templateIn(templates: Templates, name: TemplateName): Template {
  if (!Object.hasOwn(templates, name)) throw new Error('This version does not know this kind of mail.');
  return templates[name];
}

/** Makes the text of a mail. The recipient must be a mailbox. Throws if its link cannot be made. */
export function compose(mail: ClaimedMail, options: ComposeOptions): MailMessage {
  const { recipient, data, createdAt } = mail;
  const { ipAddress = '' } = data;
  const values: Values = {
    service: cleaned(options.serviceName),
    email: cleaned(recipient),
    newEmail: cleaned(data.newEmail ?? recipient),
    appUrl: options.appUrl,
    time: shownTime(createdAt),
    userAgent: deviceOf(data.userAgent),
    ipAddress: isIP(ipAddress) === 0 ? 'unknown' : ipAddress,
    ...linkValues(mail, options),
  };
  const asItIs = (value: string) => value;
  const { subject, text, html } = templateIn(options.templates, templateOf(mail));
  return {
    id: mail.id,
    to: recipient,
    subject: fillIn(subject, values, asItIs),
    text: fillIn(text, values, asItIs),
    html: fillIn(html, values, escapeHtml),
  };
}
