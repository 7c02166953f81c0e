import { MAIL_KINDS, type MailKind } from '../core/mail';
import { PURPOSE_OF } from '../core/link';

/** A kind of mail. `email-changed-no-undo` is `email-changed` to somebody who cannot undo it. */
export const TEMPLATE_NAMES = [...MAIL_KINDS, 'email-changed-no-undo'] as const;
export type TemplateName = (typeof TEMPLATE_NAMES)[number];

/** The parts of a mail, with places such as `{{link}}`. */
export interface Template {
  readonly subject: string;
  readonly text: string;
  readonly html: string;
}

export type Templates = Readonly<Record<TemplateName, Template>>;

const COMMON_PLACES = ['service', 'email', 'appUrl', 'time', 'userAgent', 'ipAddress'] as const;
const LINK_PLACES = ['link', 'expires'] as const;
const CHANGE_PLACES = ['newEmail'] as const;

export type Place =
  (typeof COMMON_PLACES)[number] | (typeof LINK_PLACES)[number] | (typeof CHANGE_PLACES)[number];

/** What a mail says at its places. */
export type Values = Readonly<Partial<Record<Place, string>>>;

const HAS_NEW_EMAIL: readonly TemplateName[] = [
  'email-change',
  'email-change-requested',
  'email-changed',
  'email-changed-no-undo',
];

/** Whether the mail has a link. */
export const hasLink = (name: TemplateName): boolean => PURPOSE_OF[name as MailKind] !== undefined;

/** Returns the places that a template may have. */
export const placesOf = (name: TemplateName): readonly Place[] => [
  ...COMMON_PLACES,
  ...(hasLink(name) ? LINK_PLACES : []),
  ...(HAS_NEW_EMAIL.includes(name) ? CHANGE_PLACES : []),
];

const PLACE = /\{\{\s*(\w+)\s*\}\}/g;

/** Says what is wrong with a part of a template. */
export function faultsOf(name: TemplateName, part: keyof Template, text: string): string[] {
  const [known, used] = [placesOf(name), [...text.matchAll(PLACE)].map(([, place = '']) => place)];
  const faults = [...new Set(used)]
    .filter((place) => !(known as readonly string[]).includes(place))
    .map((place) => `has the unknown place {{${place}}}. It may have: ${known.join(', ')}.`);
  if (/\{\{|\}\}/.test(text.replace(PLACE, '')))
    faults.push('has braces that are no place. Write a place as {{email}}.');
  if (text.trim() === '') faults.push('is empty.');
  if (part === 'subject' && /[\r\n\u2028\u2029]/.test(text.trim()))
    faults.push('is more than one line. A subject is one line.');
  if (part !== 'subject' && hasLink(name) && !used.includes('link'))
    faults.push('lacks {{link}}, which this mail is for.');
  return faults;
}

/**
 * Writes values into the places of a template, in one pass: what looks like a place in a value stays text.
 *
 * @param escape applied to each value
 */
export const fillIn = (text: string, values: Values, escape: (value: string) => string): string =>
  text.replace(PLACE, (_, place: Place) => escape(values[place] ?? ''));

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Escapes text for HTML, in an element or in a quoted attribute. */
export const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (each) => ENTITIES[each] ?? '');
