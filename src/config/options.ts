import type { Registration } from '../core/account';
import type { Notice } from '../core/mail';
import type { LogLevel } from './config';

/** A number and a unit: `500ms`, `90s`, `15m`, `12h` or `14d`. */
export type Duration = string;

/** How mails leave the process. */
export interface MailOptions {
  /** `smtp://` or `smtps://`. Left out: no mail is sent; with the Postgres inside the process, mails are printed. */
  readonly smtpUrl?: string;
  /** The sender, like `Acme <no-reply@acme.example>`. Needed with `smtpUrl`. */
  readonly from?: string;
  /** The folder with templates of your own. */
  readonly templates?: string;
  /** The notices that are sent. Left out: all. */
  readonly notices?: readonly Notice[];
  /** Mails that strangers may cause to one address in an hour. 5 if left out. */
  readonly perRecipient?: number;
  /** Mails that strangers may cause in a day. 10000 if left out. */
  readonly perDay?: number;
}

/** The settings in code. Each has the meaning, the default and the limits of the setting in docs/settings.md. */
export interface ServiceOptions {
  /** The Postgres. Left out, or `embedded`: one inside this process, in `dataDir`. */
  readonly databaseUrl?: string;
  /** The schema of our tables. `public` if left out. */
  readonly databaseSchema?: string;
  /** The most connections to Postgres. 10 if left out. */
  readonly databasePoolSize?: number;
  /** The folder of the Postgres inside this process. `.tokenfence` if left out. */
  readonly dataDir?: string;
  /** Left out: every check of a token reads Postgres. */
  readonly redisUrl?: string;
  /** The replicas of Redis that must acknowledge a revocation. */
  readonly redisWaitReplicas?: number;
  /** Encrypts the keys in the database. At least 32 random characters. */
  readonly secret?: string;
  /** The public URL, which tokens name. */
  readonly issuer?: string;
  /** Which API the tokens are for. `api` if left out. */
  readonly audience?: string;
  /** `15m` if left out. */
  readonly accessTokenTtl?: Duration;
  /** `14d` if left out. */
  readonly refreshTokenTtl?: Duration;
  /** `90d` if left out. */
  readonly sessionMaxAge?: Duration;
  readonly sessionsPerUser?: number;
  /** Roles of your own, beside `USER` and `ADMIN`. */
  readonly roles?: readonly string[];
  /** Who may register. `open` if left out. */
  readonly registration?: Registration;
  /** The address of the pages that links in mails open. */
  readonly appUrl?: string;
  /** The name by which mails and the rules for passwords know the service. */
  readonly serviceName?: string;
  readonly mail?: MailOptions;
  /** `1h` if left out. */
  readonly resetLinkTtl?: Duration;
  /** `24h` if left out. */
  readonly verificationLinkTtl?: Duration;
  /** `7d` if left out. */
  readonly invitationLinkTtl?: Duration;
  /** Whether new passwords are looked up among breached ones. */
  readonly passwordBreachCheck?: boolean;
  readonly passwordBreachUrl?: string;
  readonly passwordAttemptsPerHour?: number;
  /** Whether attempts are limited. True if left out. */
  readonly rateLimit?: boolean;
  /** For how long a query may take, and a mutation may wait to begin. `10s` if left out. */
  readonly operationTimeout?: Duration;
  /** Whether the standalone schema is a subgraph. In a subgraph of your own, use `auth.subgraph`. */
  readonly federation?: boolean;
  /** `200`: answers are 200 whatever their errors are, for gateways. `errors` if left out. */
  readonly httpStatus?: 'errors' | '200';
  /** `365d` if left out. */
  readonly auditRetention?: Duration;
  /** By how much clocks may differ. `5s` if left out. */
  readonly clockSkew?: Duration;
  /** `1s` if left out. The same on every node. */
  readonly revocationLease?: Duration;
  readonly revocationViewLimit?: number;
  /** Origins of pages, besides that of `issuer`, which may use the refresh cookie. */
  readonly corsOrigins?: readonly string[];
  /** The number of proxies in front, or their addresses. This also holds under Express and Fastify. */
  readonly trustProxy?: number | boolean | readonly string[];
  /** Needed by services, to follow this server and for `/oauth/introspect`. The embedded mode makes one, outside production. */
  readonly introspectionSecret?: string;
  /** Needed to end all tokens of a user by `/global-token-revocation`. Left out: that does not exist. */
  readonly revocationSecret?: string;
  /** The most services that follow this node. 200 if left out. */
  readonly followersPerNode?: number;
  /** The first administrator, created if there is none. */
  readonly administrator?: { readonly email: string; readonly password: string };
  readonly logLevel?: LogLevel;
  /** Whether this is production. Left out: whether `NODE_ENV` is `production`. */
  readonly production?: boolean;
}
