import { ConfigError } from '../config/config-error';
import type { Env } from '../config/env';
import { findMisspelt } from '../config/misspelt';
import { readHost, readIssuer } from '../config/network';
import { SettingsReader } from '../config/settings';
import { faultsOfGuardOptions, type GuardOptions } from '../guard/guard-options';
import { type Level, LEVEL_NAMES } from './log';

/** The settings of `tokenfence guard`. */
export interface VerifySettings {
  readonly host: string;
  readonly port: number;
  /** ms for which the process continues to serve after it was told to stop. */
  readonly shutdownDelay: number;
  readonly logLevel: Level;
  readonly guard: GuardOptions;
  /** Where the server is asked about a token, if it is. */
  readonly introspection?: { readonly url: string; readonly secret: string };
  /** Sentences about settings that work, but are probably mistakes. */
  readonly warnings: readonly string[];
}

/** Settings that say where revocations come from. A guard that starts without them would ask elsewhere. */
const DECISIVE = ['SERVER_URL', 'REDIS_URL', 'JWKS_URL', 'INTROSPECTION_URL', 'INTROSPECTION_SECRET'];

/** What the faults of the guard's options say, and what it is here, in the order in which it is replaced. */
const SETTING_OF: readonly (readonly [RegExp, string])[] = [
  [/\bthe INTROSPECTION_SECRET of\b/, 'that of'],
  [/, or \{ keys: \[\.\.\.\] \}/, ''],
  [/\bintrospection\.url\b/, 'INTROSPECTION_URL'],
  [/\bintrospection\.secret\b/, 'INTROSPECTION_SECRET'],
  [/\bsecret or introspection as well as\b/, 'INTROSPECTION_SECRET as well as'],
  [/\bset redis or introspection\b/, 'set REDIS_URL or INTROSPECTION_URL'],
  [/\b(as well as|secret or) redis\b/, '$1 REDIS_URL'],
  [/(^|\bneeds |\bset )secret\b/, '$1INTROSPECTION_SECRET'],
  [/\ballowInsecure: true\b/, 'ALLOW_INSECURE=on'],
  [/\bview: true\b/, 'VIEW=on'],
  [/\bview: false\b/, 'VIEW=off'],
  [/^server\b/, 'SERVER_URL'],
  [/^jwks\b/, 'JWKS_URL'],
  [/^redis\b/, 'REDIS_URL'],
  [/^issuer\b/, 'ISSUER'],
];

/** Returns a fault of the guard's options in the words of the settings. */
export const aboutSettings = (fault: string): string =>
  SETTING_OF.reduce((text, [option, setting]) => text.replace(option, setting), fault);

/** Reads how tokens are checked. */
function readGuard(read: SettingsReader): GuardOptions {
  const secret = read.secret('INTROSPECTION_SECRET');
  const server = read.given('SERVER_URL');
  const asked = read.given('INTROSPECTION_URL');
  // Asked elsewhere and not told which node to follow: the secret is for asking only.
  const follows = secret !== undefined && (asked === undefined || server !== undefined);
  const options: Record<string, unknown> = {
    issuer: readIssuer(read),
    audience: read.text('AUDIENCE', 'api'),
    secret: follows ? secret : undefined,
    server,
    jwks: read.given('JWKS_URL'),
    redis: read.given('REDIS_URL'),
    // Never remembered: a revoked token must be refused at the first request after its receipt.
    introspection: asked === undefined ? undefined : { url: asked, secret, rememberFor: 0 },
    view: read.oneOf('VIEW', 'on', ['on', 'off']) === 'off' ? false : undefined,
    viewLimit: read.integer('REVOCATION_VIEW_LIMIT', 2_000_000, 1, 100_000_000),
    clockSkew: read.duration('CLOCK_SKEW', '5s', { from: '0s', to: '5m' }),
    allowInsecure: read.oneOf('ALLOW_INSECURE', 'off', ['on', 'off']) === 'on',
  };
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  return Object.fromEntries(given) as unknown as GuardOptions;
}

/** Returns where the server is asked, as the guard does. */
function introspectionOf({ issuer, secret, server = issuer, introspection }: GuardOptions) {
  if (introspection) return introspection;
  return secret === undefined ? undefined : { url: `${server.replace(/\/+$/, '')}/oauth/introspect`, secret };
}

/** Reads the settings. Throws `ConfigError` with every fault. */
export function readVerifySettings(env: Env): VerifySettings {
  const read = new SettingsReader(env);
  const guard = readGuard(read);
  const settings = {
    host: readHost(read),
    port: read.integer('PORT', 4010, 0, 65_535),
    shutdownDelay: read.duration('SHUTDOWN_DELAY', '5s', { from: '0s', to: '5m' }),
    logLevel: read.oneOf('LOG_LEVEL', 'info', LEVEL_NAMES),
  };
  const faults = [...read.faults, ...faultsOfGuardOptions(guard).map(aboutSettings)];
  const warnings: string[] = [];
  for (const { given, meant } of findMisspelt(env, read.names))
    (DECISIVE.includes(meant) ? faults : warnings).push(`${given} is not a setting. Did you mean ${meant}?`);
  if (faults.length > 0) throw new ConfigError([...new Set(faults)]);
  return { ...settings, guard, introspection: introspectionOf(guard), warnings };
}
