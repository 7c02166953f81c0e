import type { Config } from './config';
import type { Env } from './env';
import type { Faults } from './settings';

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;

/** Finds settings that are valid alone, but not together. */
export function judgeTogether(config: Config, env: Env, faults: Faults): void {
  if (config.refreshTokenTtl > config.sessionMaxAge)
    faults.add('REFRESH_TOKEN_TTL is longer than SESSION_MAX_AGE, when every session ends. Make it shorter.');
  if (config.accessTokenTtl > config.refreshTokenTtl)
    faults.add(
      'ACCESS_TOKEN_TTL is longer than REFRESH_TOKEN_TTL: a session would end before its access token. Make it shorter.',
    );
  if (config.metricsPort !== undefined && config.metricsPort !== 0 && config.metricsPort === config.port)
    faults.add('METRICS_PORT is the same as PORT. Use another port for the metrics.');
  if (config.introspectionSecret !== undefined && config.introspectionSecret === env.SECRET)
    faults.add(
      'INTROSPECTION_SECRET is the same as SECRET, which decrypts the signing keys. Services must not know it. Use another.',
    );
  if (/^prod/i.test(env.NODE_ENV ?? '') && !config.production)
    faults.add('NODE_ENV is similar to "production". Write exactly "production".');
}

/** Returns sentences about settings that work, but are probably mistakes. */
export function warningsOf(config: Config, env: Env): string[] {
  if (!config.production) return [];
  const { protocol, hostname } = new URL(config.issuer);
  return [
    ...(env.ISSUER ? [] : [`ISSUER is not set: every token names ${config.issuer}. Set the public address.`]),
    ...(env.ISSUER && protocol === 'http:' && !LOOPBACK.test(hostname)
      ? [
          'ISSUER is not https: the refresh cookie lacks the prefix __Host-, and browsers accept it only for localhost.',
        ]
      : []),
    ...(config.rateLimit ? [] : ['RATE_LIMIT is off: attempts at passwords are not limited.']),
  ];
}
