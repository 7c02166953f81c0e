/** The most points in a time. */
export interface Limit {
  readonly points: number;
  /** s */
  readonly duration: number;
}

const MINUTE = 60;
const HOUR = 3600;
const DAY = 86_400;

/** The limits that the operator sets. */
export interface LimitSettings {
  /** For one account. */
  readonly passwordAttemptsPerHour: number;
  /** An hour. */
  readonly mailsPerRecipient: number;
  /** Of all nodes together. */
  readonly mailsPerDay: number;
}

/**
 * The limits per minute. An "address" is an IPv4 address or an IPv6 /64. A "site" is an IPv6 /48, all of which one
 * customer may have.
 */
const A_MINUTE = {
  'password-by-account-and-address': 10,
  'password-by-address': 100,
  'password-by-site': 1000,
  'registration-by-address': 20,
  'registration-by-site': 200,
  'mail-by-address': 10,
  'mail-by-site': 100,
  'bad-token-by-address': 60,
  'bad-token-by-site': 600,
  'refresh-by-session': 60,
  'logout-by-session': 60,
  'write-by-session': 120,
  'revocation-by-user': 30,
} as const;

/** `known-network` stays for what is an address now: the name is in Redis and in the audit log. */
export type LimitName =
  | keyof typeof A_MINUTE
  | 'password-by-account'
  | 'password-by-account-and-known-network'
  | 'mail-by-recipient'
  | 'mail-by-site-and-day'
  | 'mail-of-everyone'
  | 'administrator-mail-by-recipient'
  | 'administrator-mail-of-everyone';

/** Mails that one site may cause in a day whatever `mailsPerDay` is, and its share of more: no site takes all of them. */
const FEWEST_OF_SITE = 100;
const SHARE_OF_SITE = 0.05;

export function limitOf(name: LimitName, settings: LimitSettings): Limit {
  switch (name) {
    case 'password-by-account':
    case 'password-by-account-and-known-network':
      return { points: settings.passwordAttemptsPerHour, duration: HOUR };
    case 'mail-by-recipient':
    case 'administrator-mail-by-recipient':
      return { points: settings.mailsPerRecipient, duration: HOUR };
    case 'mail-by-site-and-day': {
      const share = Math.ceil(settings.mailsPerDay * SHARE_OF_SITE);
      return { points: Math.max(FEWEST_OF_SITE, share), duration: DAY };
    }
    case 'mail-of-everyone':
    case 'administrator-mail-of-everyone':
      return { points: settings.mailsPerDay, duration: DAY };
    default:
      return { points: A_MINUTE[name], duration: MINUTE };
  }
}

/** Invalid tokens of a site in a minute, on one node. Over the limit, none of its tokens is looked up. */
export const BAD_LOOKUP_LIMIT: Limit = { points: 600, duration: MINUTE };
