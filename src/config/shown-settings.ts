import type { Config } from './config';

/**
 * Whether a setting may stand in the log. Each has to be named here, so that a new secret can't get there unnoticed.
 */
const SHOWN: Readonly<Record<keyof Config, boolean>> = {
  host: true,
  port: true,
  metricsPort: true,
  shutdownDelay: true,
  production: true,
  logLevel: true,
  logRequests: true,
  // Holds the secret and URLs with passwords: shown in part, below.
  store: false,
  poolSize: true,
  issuer: true,
  audience: true,
  accessTokenTtl: true,
  refreshTokenTtl: true,
  sessionMaxAge: true,
  sessionsPerUser: true,
  operationTimeout: true,
  auditRetention: true,
  revocationLease: true,
  viewLimit: true,
  waitReplicas: true,
  clockSkew: true,
  corsOrigins: true,
  trustProxy: true,
  rateLimit: true,
  passwordAttemptsPerHour: true,
  introspectionSecret: false,
  administrator: false,
  // Logged one by one.
  warnings: false,
};

/** The settings as the log may tell them: without secrets, and without addresses that may hold one. */
export function shownSettings(config: Config): Record<string, unknown> {
  const { store } = config;
  return {
    ...Object.fromEntries(Object.entries(config).filter(([name]) => SHOWN[name as keyof Config])),
    store: store.mode,
    redis: store.mode === 'servers' && store.redisUrl !== undefined,
    introspection: config.introspectionSecret !== undefined,
  };
}
