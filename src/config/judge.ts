import { readRedisUrl } from '../core/redis-url';
import type { Config } from './config';
import type { Env } from './env';

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;

function contradictionsOfMail({ mail, registration, production }: Config, env: Env): string[] {
  const found: string[] = [];
  if (registration === 'verified' && mail.delivery.way === 'none')
    found.push('REGISTRATION=verified needs mails. Set SMTP_URL and MAIL_FROM.');
  if (production && mail.delivery.way === 'smtp' && !env.APP_URL)
    found.push('APP_URL is not set, but SMTP_URL is. Set the address of the pages that links in mails open.');
  if (mail.delivery.way === 'none' && mail.templates !== undefined)
    found.push(
      'MAIL_TEMPLATES is set, but SMTP_URL is not, so no mail is sent. Set SMTP_URL, or leave it out.',
    );
  return found;
}

/** What REDIS_URL leads to; `undefined` if it is not set, or wrong. */
function kindOfRedis({ store }: Config) {
  const address = readRedisUrl(store.redisUrl ?? '');
  return 'fault' in address ? undefined : address.kind;
}

function contradictionsOfRedis(config: Config, env: Env): string[] {
  const kind = kindOfRedis(config);
  // No default is right: a failover may lose writes, and too high a number lets nothing be confirmed.
  return (kind === 'sentinels' || kind === 'cluster') && !env.REDIS_WAIT_REPLICAS
    ? [
        'REDIS_WAIT_REPLICAS is not set, but a replica may take over in REDIS_URL. Set how many replicas must have a write, see docs/redis.md.',
      ]
    : [];
}

/** Returns sentences about settings that are valid alone, but not together. */
export function contradictionsIn(config: Config, env: Env): string[] {
  const found: string[] = [];
  if (config.refreshTokenTtl > config.sessionMaxAge)
    found.push('REFRESH_TOKEN_TTL is longer than SESSION_MAX_AGE, when every session ends. Make it shorter.');
  if (config.accessTokenTtl > config.refreshTokenTtl)
    found.push(
      'ACCESS_TOKEN_TTL is longer than REFRESH_TOKEN_TTL: a session would end before its access token. Make it shorter.',
    );
  if (config.metricsPort !== 0 && config.metricsPort === config.port)
    found.push('METRICS_PORT is the same as PORT. Use another port for the metrics.');
  if (config.introspectionSecret !== undefined && config.introspectionSecret === env.SECRET)
    found.push(
      'INTROSPECTION_SECRET is the same as SECRET, which decrypts the signing keys. Services must not know it. Use another.',
    );
  if (config.revocationSecret !== undefined && config.revocationSecret === env.SECRET)
    found.push(
      'REVOCATION_SECRET is the same as SECRET, which decrypts the signing keys. Callers must not know it. Use another.',
    );
  if (config.revocationSecret !== undefined && config.revocationSecret === config.introspectionSecret)
    found.push(
      'REVOCATION_SECRET is the same as INTROSPECTION_SECRET, so every service could log users out. Use another.',
    );
  if (/^prod/i.test(env.NODE_ENV ?? '') && !config.production)
    found.push('NODE_ENV is similar to "production". Write exactly "production".');
  return [...found, ...contradictionsOfRedis(config, env), ...contradictionsOfMail(config, env)];
}

function warningsOfMail({ mail, appUrl }: Config): string[] {
  if (mail.delivery.way === 'none')
    return [
      'SMTP_URL is not set: users cannot reset a password, verify or change an email, or be invited, and get no notices.',
    ];
  if (mail.delivery.way === 'print')
    return [
      'SMTP_URL is not set: mails are printed. Anybody who reads the output can use the links in them.',
    ];
  const { protocol, hostname } = new URL(appUrl);
  return protocol === 'http:' && !LOOPBACK.test(hostname)
    ? ['APP_URL is not https: the links in mails can be read on their way.']
    : [];
}

/** Returns sentences about settings that work, but are probably mistakes. */
export function warningsOf(config: Config, env: Env): string[] {
  const warnings: string[] = [];
  if (kindOfRedis(config) === 'sentinels' && config.waitReplicas === 0)
    warnings.push(
      'REDIS_WAIT_REPLICAS is 0: after a failover by Sentinel, the old primary goes on for seconds, and a revoked token may be accepted. Set 1 or more.',
    );
  if (!config.production) return warnings;
  const { protocol, hostname } = new URL(config.issuer);
  if (!env.ISSUER)
    warnings.push(`ISSUER is not set: every token names ${config.issuer}. Set the public address.`);
  else if (protocol === 'http:' && !LOOPBACK.test(hostname))
    warnings.push(
      'ISSUER is not https: the refresh cookie lacks the prefix __Host-, and browsers accept it only for localhost.',
    );
  if (!config.rateLimit) warnings.push('RATE_LIMIT is off: attempts at passwords are not limited.');
  return [...warnings, ...warningsOfMail(config)];
}
