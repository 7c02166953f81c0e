import type { Config } from './config';
import { makesIntrospectionSecret } from './own-secret';

/** Whether a setting may be logged. Every setting must be listed, so that a new secret is not logged by accident. */
const SHOWN: Readonly<Record<keyof Config, boolean>> = {
  host: true,
  port: true,
  metricsPort: true,
  shutdownDelay: true,
  production: true,
  logLevel: true,
  logRequests: true,
  // Holds the secret, and URLs with passwords. Parts of it are logged below.
  store: false,
  poolSize: true,
  issuer: true,
  audience: true,
  accessTokenTtl: true,
  refreshTokenTtl: true,
  sessionMaxAge: true,
  sessionsPerUser: true,
  operationTimeout: true,
  federation: true,
  httpStatus: true,
  auditRetention: true,
  revocationLease: true,
  viewLimit: true,
  waitReplicas: true,
  clockSkew: true,
  corsOrigins: true,
  trustProxy: true,
  rateLimit: true,
  passwordAttemptsPerHour: true,
  roles: true,
  registration: true,
  // Holds a URL with a password. Parts of it are logged below.
  mail: false,
  appUrl: true,
  serviceName: true,
  mailsPerRecipient: true,
  mailsPerDay: true,
  resetLinkTtl: true,
  verificationLinkTtl: true,
  invitationLinkTtl: true,
  // May hold a key.
  breachUrl: false,
  introspectionSecret: false,
  revocationSecret: false,
  followersPerNode: true,
  administrator: false,
  // Logged separately.
  warnings: false,
};

/** Returns the settings for the log: without secrets, and without addresses that may contain one. */
export function shownSettings(config: Config): Record<string, unknown> {
  const { store, mail } = config;
  return {
    ...Object.fromEntries(Object.entries(config).filter(([name]) => SHOWN[name as keyof Config])),
    store: store.mode,
    redis: store.redisUrl !== undefined,
    mail: mail.delivery.way,
    notices: mail.notices,
    breachCheck: config.breachUrl !== undefined,
    introspection: config.introspectionSecret !== undefined || makesIntrospectionSecret(config),
    globalTokenRevocation: config.revocationSecret !== undefined,
  };
}
