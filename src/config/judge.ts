import type { Config } from './config';
import type { Env } from './env';
import type { Faults } from './settings';

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;

/** Notes what is wrong with settings together, though each is well alone. */
export function judgeTogether(config: Config, env: Env, faults: Faults): void {
  if (config.refreshTokenTtl > config.sessionMaxAge)
    faults.add(
      'REFRESH_TOKEN_TTL is longer than SESSION_MAX_AGE: no session could be left unused for so long.',
    );
  if (config.accessTokenTtl > config.refreshTokenTtl)
    faults.add(
      'ACCESS_TOKEN_TTL is longer than REFRESH_TOKEN_TTL: a session would end before its access token does.',
    );
  if (config.metricsPort !== undefined && config.metricsPort !== 0 && config.metricsPort === config.port)
    faults.add('METRICS_PORT is the same as PORT. Give the metrics a port of their own.');
  if (config.introspectionSecret !== undefined && config.introspectionSecret === env.SECRET)
    faults.add(
      'INTROSPECTION_SECRET is the same as SECRET, which opens the signing keys. Services must not have it: make another.',
    );
  if (/^prod/i.test(env.NODE_ENV ?? '') && !config.production)
    faults.add('NODE_ENV is not "production", but close to it. Write it exactly so.');
}

/** Sentences on settings that work, but are rarely meant. */
export function warningsOf(config: Config, env: Env): string[] {
  if (!config.production) return [];
  const { protocol, hostname } = new URL(config.issuer);
  return [
    ...(env.ISSUER ? [] : [`ISSUER is not set: every token names ${config.issuer}. Set the public address.`]),
    ...(env.ISSUER && protocol === 'http:' && !LOOPBACK.test(hostname)
      ? [
          'ISSUER is not https: the refresh cookie lacks the prefix __Host-, and browsers keep it for localhost only.',
        ]
      : []),
    ...(config.rateLimit ? [] : ['RATE_LIMIT is off: nothing here limits attempts at passwords.']),
  ];
}
