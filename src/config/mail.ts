import { hasInvisible } from '../core/email';
import { type Notice, NOTICES } from '../core/mail';
import { faultOfEscapes } from '../core/url-escapes';
import type { SettingsReader } from './settings';
import type { StoreConfig } from './store';

/** How mails leave this process. `none`: what needs a mail is refused. */
export type MailWay =
  | { readonly way: 'smtp'; readonly url: string }
  /** Written to where a developer looks, which only the embedded mode does. */
  | { readonly way: 'print' }
  | { readonly way: 'none' };

export interface MailConfig {
  readonly delivery: MailWay;
  /** The sender: an address, with a name or without one. */
  readonly from: { readonly name: string; readonly address: string };
  /** The folder with templates that replace ours. */
  readonly templates?: string;
  readonly notices: readonly Notice[];
}

/** A name, perhaps in quotes, and an address in angle brackets; or only an address. */
const NAMED = /^(?:"([^"\\<>]*)"|([^"\\<>]*?)) *<([^<>]+)>$/;
const ADDRESS = /^[^\s@<>",;:()[\]\\]+@[^\s@<>",;:()[\]\\]+$/;

/** The longest name of the service, in characters. */
const LONGEST_NAME = 60;

function readFrom(read: SettingsReader, isNeeded: boolean): MailConfig['from'] {
  const text = read.given('MAIL_FROM');
  if (text === undefined) {
    if (isNeeded)
      read.fault('MAIL_FROM is not set, but SMTP_URL is. Set the sender, like Acme <no-reply@acme.example>.');
    return { name: '', address: 'no-reply@localhost' };
  }
  const [, quoted, plain, bracketed] = NAMED.exec(text) ?? [];
  const [name, address] = [quoted ?? plain ?? '', bracketed ?? text];
  // A line break would begin another header.
  if (/\p{Cc}/u.test(text) || !ADDRESS.test(address) || hasInvisible(address))
    read.fault('MAIL_FROM is not a sender. Write an address, like Acme <no-reply@acme.example>.');
  return { name, address };
}

/** Checks the address of a mail server. The fault does not show it: it often holds a password. */
function faultOfSmtpUrl(text: string): string | undefined {
  if (!/^smtps?:\/\//i.test(text)) return 'must start with smtp:// or smtps://.';
  const fault = faultOfEscapes(text);
  if (fault !== undefined) return fault;
  if (!URL.canParse(text) || new URL(text).hostname === '')
    return 'is not a valid URL. Percent-encode special characters in its password.';
  const { pathname, search, hash } = new URL(text);
  if ((pathname !== '' && pathname !== '/') || search || hash)
    return 'has a path, a query or a fragment. Write only scheme, user, password, host and port.';
  return undefined;
}

function readNotices(read: SettingsReader): readonly Notice[] {
  const items = read.list('MAIL_NOTICES');
  if (items.length === 0) return NOTICES;
  if (items.length === 1 && items[0] === 'none') return [];
  for (const item of items.filter((each) => !(NOTICES as readonly string[]).includes(each)))
    read.fault(`MAIL_NOTICES names "${item}". It may name ${NOTICES.join(', ')}, or be none.`);
  return NOTICES.filter((notice) => items.includes(notice));
}

export function readMail(read: SettingsReader, { mode }: Pick<StoreConfig, 'mode'>): MailConfig {
  const url = read.given('SMTP_URL');
  const fault = url === undefined ? undefined : faultOfSmtpUrl(url);
  if (fault !== undefined) read.fault(`SMTP_URL ${fault}`);
  const without = mode === 'embedded' ? ({ way: 'print' } as const) : ({ way: 'none' } as const);
  return {
    delivery: url === undefined ? without : { way: 'smtp', url },
    from: readFrom(read, url !== undefined),
    templates: read.given('MAIL_TEMPLATES'),
    notices: readNotices(read),
  };
}

/** Reads the name by which mails and passwords know the service. @param appUrl whose host it is by default */
export function readServiceName(read: SettingsReader, appUrl: string): string {
  const name = read.text('SERVICE_NAME', new URL(appUrl).hostname);
  if (/\p{Cc}/u.test(name) || Array.from(name).length > LONGEST_NAME)
    read.fault(`SERVICE_NAME must be one line of at most ${LONGEST_NAME} characters.`);
  return name;
}
