import type { MailKind } from './mail';

/** What a link lets its holder do, and the path of the page that it opens. */
export const LINK_PATHS = {
  'reset-password': '/reset-password',
  'verify-email': '/verify-email',
  'confirm-email': '/confirm-email',
  // The same page: `confirmEmailChange` takes both.
  'undo-email': '/confirm-email',
  'accept-invitation': '/accept-invitation',
} as const;

export type LinkPurpose = keyof typeof LINK_PATHS;

/** The purpose of the link in each kind of mail that has one. */
export const PURPOSE_OF: Readonly<Partial<Record<MailKind, LinkPurpose>>> = {
  'password-reset': 'reset-password',
  'email-verification': 'verify-email',
  'email-change': 'confirm-email',
  'email-changed': 'undo-email',
  invitation: 'accept-invitation',
};

/** s for which a change of email can be undone. */
export const UNDO_LINK_TTL = 7 * 24 * 3600;

/** What a link carries. */
export interface Link {
  readonly purpose: LinkPurpose;
  readonly userId: string;
  /** The address that it was sent to: of the account, or the new one. `undo-email`: the one that it restores. */
  readonly email: string;
  /** The user's version when the mail was written. A raise ends the link, but not one to undo a change of email. */
  readonly tokenVersion: number;
}

/** The lifetimes of links, in s. */
export interface LinkLifetimes {
  readonly resetLinkTtl: number;
  /** Also for a change of email. */
  readonly verificationLinkTtl: number;
  readonly invitationLinkTtl: number;
}

/** Returns the seconds for which a link is good. */
export function lifetimeOf(purpose: LinkPurpose, ttl: LinkLifetimes): number {
  switch (purpose) {
    case 'reset-password':
      return ttl.resetLinkTtl;
    case 'verify-email':
    case 'confirm-email':
      return ttl.verificationLinkTtl;
    case 'accept-invitation':
      return ttl.invitationLinkTtl;
    case 'undo-email':
      return UNDO_LINK_TTL;
  }
}

/**
 * Returns the URL that a mail shows. The token is in the fragment, which browsers send neither to a server nor in
 * `Referer`.
 *
 * @param appUrl without a slash at its end
 */
export const linkUrl = (appUrl: string, purpose: LinkPurpose, token: string): string =>
  `${appUrl}${LINK_PATHS[purpose]}#token=${token}`;
