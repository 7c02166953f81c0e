import type { Template, TemplateName } from './templates';

/** A paragraph, or the link with its name. Both have places. */
type Part = string | { readonly button: string };

interface Text {
  readonly subject: string;
  readonly parts: readonly Part[];
}

/** Says who caused a mail. The device is the program's word about itself, the address is where the request came from. */
const ORIGIN = 'Time: {{time}}. Device: {{userAgent}}. Network address: {{ipAddress}}.';

const NOT_YOU = 'If this was not you, ignore this mail. Nothing changes.';

const TEXTS: Readonly<Record<TemplateName, Text>> = {
  'password-reset': {
    subject: 'Reset your password for {{service}}',
    parts: [
      'Somebody asked to reset the password of {{email}} at {{service}}.',
      { button: 'Set a new password' },
      'The link works once, until {{expires}}. A new password signs you out everywhere.',
      NOT_YOU,
      ORIGIN,
    ],
  },
  'email-verification': {
    subject: 'Confirm your email for {{service}}',
    parts: [
      'Confirm that {{email}} is your email at {{service}}.',
      { button: 'Confirm my email' },
      'The link works once, until {{expires}}.',
      'Open it only if you asked for it, at the time and on the device below. It lets in whoever chose the password then.',
      'If you are not sure, ask for a new password instead: {{appUrl}}',
      ORIGIN,
    ],
  },
  'email-change': {
    subject: 'Confirm your new email for {{service}}',
    parts: [
      'Confirm that {{newEmail}} is your new email at {{service}}.',
      { button: 'Use this email' },
      'The link works once, until {{expires}}. It signs you out everywhere.',
      NOT_YOU,
    ],
  },
  'email-change-requested': {
    subject: 'Your email for {{service}} is about to change',
    parts: [
      'Somebody who knows your password asked to change your email at {{service}} to {{newEmail}}.',
      'If this was not you, change your password now. That ends the request. Your page: {{appUrl}}',
      ORIGIN,
    ],
  },
  invitation: {
    subject: 'You are invited to {{service}}',
    parts: [
      'An account at {{service}} was made for {{email}}. Choose a password to use it.',
      { button: 'Accept the invitation' },
      'The link works once, until {{expires}}.',
      'If you did not expect this mail, ignore it.',
    ],
  },
  'account-exists': {
    subject: 'You have an account at {{service}}',
    parts: [
      'Somebody tried to use {{email}} for an account at {{service}}. You have one already.',
      'If this was you, sign in, or ask for a new password: {{appUrl}}',
      NOT_YOU,
      ORIGIN,
    ],
  },
  'new-device': {
    subject: 'New sign-in to {{service}}',
    parts: [
      'Somebody signed in to your account {{email}} at {{service}} from a device or network that is new.',
      'If this was not you, change your password now. That signs out everybody else. Your page: {{appUrl}}',
      ORIGIN,
    ],
  },
  'password-changed': {
    subject: 'Your password for {{service}} was changed',
    parts: [
      'The password of {{email}} at {{service}} was changed.',
      'If this was not you, ask for a new password now: {{appUrl}}',
      ORIGIN,
    ],
  },
  'email-changed': {
    subject: 'Your email for {{service}} was changed',
    parts: [
      'Your email at {{service}} was changed from {{email}} to {{newEmail}}.',
      'If this was not you, undo it. Your account gets this email back, everybody is signed out, and you choose a new password.',
      { button: 'Undo the change' },
      'The link works once, until {{expires}}.',
      ORIGIN,
    ],
  },
  'email-changed-no-undo': {
    subject: 'Your email for {{service}} was changed',
    parts: [
      'Your email at {{service}} was changed from {{email}} to {{newEmail}}.',
      'If this was not you, write to those who run {{service}}: {{appUrl}}',
      ORIGIN,
    ],
  },
  'session-reused': {
    subject: 'You were signed out of {{service}}',
    parts: [
      'A sign-in to your account {{email}} at {{service}} was used in two places, as a thief would. It was ended.',
      'Sign in again, and change your password if this may have been somebody else: {{appUrl}}',
      ORIGIN,
    ],
  },
};

const textOf = (part: Part) => (typeof part === 'string' ? part : `${part.button}:\n{{link}}`);

const BUTTON =
  'display:inline-block;padding:10px 18px;border-radius:6px;background:#1d4ed8;color:#ffffff;text-decoration:none';

const htmlOf = (part: Part) =>
  typeof part === 'string'
    ? `<p>${part}</p>`
    : `<p><a href="{{link}}" style="${BUTTON}">${part.button}</a></p>\n<p style="word-break:break-all">{{link}}</p>`;

const pageOf = ({ subject, parts }: Text) => `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${subject}</title></head>
<body style="margin:0;padding:24px;font:16px/1.5 sans-serif;color:#111827;background:#ffffff">
<div style="max-width:560px;margin:0 auto">
${parts.map(htmlOf).join('\n')}
</div>
</body>
</html>
`;

/** Makes the templates of a text: the same words in both forms. */
const templateOf = (text: Text): Template => ({
  subject: text.subject,
  text: `${text.parts.map(textOf).join('\n\n')}\n`,
  html: pageOf(text),
});

/** The mails as they are without MAIL_TEMPLATES. */
export const OUR_TEMPLATES = Object.fromEntries(
  Object.entries(TEXTS).map(([name, text]) => [name, templateOf(text)]),
) as Readonly<Record<TemplateName, Template>>;
