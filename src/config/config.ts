import type { Registration } from '../core/account';
import type { LinkLifetimes } from '../core/link';
import type { MailConfig } from './mail';
import type { StoreConfig } from './store';

export type LogLevel = 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'silent';

export interface Config extends LinkLifetimes {
  readonly host: string;
  readonly port: number;
  /** The port of `/metrics`. If left out, `/metrics` is on the API's port, except in production. */
  readonly metricsPort?: number;
  /** ms for which a node continues to serve after it was told to stop. */
  readonly shutdownDelay: number;
  readonly production: boolean;
  readonly logLevel: LogLevel;
  /** The share of successful requests that are logged, 0 to 1; `off`: no request is logged. */
  readonly logRequests: number | 'off';
  readonly store: StoreConfig;
  readonly poolSize: number;
  readonly issuer: string;
  readonly audience: string;
  /** s */
  readonly accessTokenTtl: number;
  /** s */
  readonly refreshTokenTtl: number;
  /** s */
  readonly sessionMaxAge: number;
  /** The most live sessions of a user. */
  readonly sessionsPerUser: number;
  /** s */
  readonly auditRetention: number;
  /** ms; the time limit of a GraphQL operation. */
  readonly operationTimeout: number;
  /** Whether the API is a subgraph of Apollo Federation. */
  readonly federation: boolean;
  /** The status of GraphQL answers: `errors` follows their errors, `200` is for gateways. */
  readonly httpStatus: 'errors' | '200';
  /** ms */
  readonly revocationLease: number;
  /** The most users, tokens, sessions and keys in the view; 0 for no view. */
  readonly viewLimit: number;
  /** The number of Redis replicas that must acknowledge a write. */
  readonly waitReplicas: number;
  /** ms */
  readonly clockSkew: number;
  readonly corsOrigins: readonly string[];
  /** The number of trusted proxies, or their addresses. */
  readonly trustProxy: number | string[] | false;
  readonly rateLimit: boolean;
  /** Attempts at the password of one account. */
  readonly passwordAttemptsPerHour: number;
  /** The application's roles, beside `USER` and `ADMIN`. */
  readonly roles: readonly string[];
  readonly registration: Registration;
  readonly mail: MailConfig;
  /** Where links in mails lead, without a slash at its end. */
  readonly appUrl: string;
  readonly serviceName: string;
  /** Mails that strangers may cause to one address in an hour. */
  readonly mailsPerRecipient: number;
  /** Mails that strangers may cause in a day. */
  readonly mailsPerDay: number;
  /** Where new passwords are looked up among breached ones; `undefined`: nowhere. */
  readonly breachUrl?: string;
  readonly introspectionSecret?: string;
  /** The secret of those that may end a user's tokens. Omitted: Global Token Revocation is off. */
  readonly revocationSecret?: string;
  /** The most services that follow this node; 0 for none. */
  readonly followersPerNode: number;
  readonly administrator?: { readonly email: string; readonly password: string };
  /** Sentences about settings that work, but are probably mistakes. */
  readonly warnings: readonly string[];
}
