/** The most points in a time. */
export interface Limit {
  readonly points: number;
  /** s */
  readonly duration: number;
}

const MINUTE = 60;
const HOUR = 3600;

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
  'bad-token-by-address': 60,
  'bad-token-by-site': 600,
  'refresh-by-session': 60,
  'logout-by-session': 60,
  'write-by-session': 120,
} as const;

/** `known-network` stays for what is an address now: the name is in Redis and in the audit log. */
export type LimitName =
  keyof typeof A_MINUTE | 'password-by-account' | 'password-by-account-and-known-network';

/** Returns the limit of this name. @param passwordAttemptsPerHour for one account */
export function limitOf(name: LimitName, passwordAttemptsPerHour: number): Limit {
  const points = (A_MINUTE as Partial<Record<LimitName, number>>)[name];
  return points === undefined
    ? { points: passwordAttemptsPerHour, duration: HOUR }
    : { points, duration: MINUTE };
}

/** Invalid tokens of a site in a minute, on one node. Over the limit, none of its tokens is looked up. */
export const BAD_LOOKUP_LIMIT: Limit = { points: 600, duration: MINUTE };
