import 'reflect-metadata';
import type { Api } from '../actions/api';
import type { Config } from '../config/config';
import type { ServiceOptions } from '../config/options';
import { ConfigError } from '../config/config-error';
import { aboutOptions, readOptions } from '../config/read-options';
import { systemClock } from '../core/clock';
import type { Callbacks, Sql } from '../core/ports/hooks';
import type { Shape } from '../core/shape';
import { StartError } from '../core/start-error';
import { embed, type Embedded } from '../http/embed';
import type { ExposeMetrics } from '../http/metrics';
import type { TellingGuard } from '../guard/graphql-ws';
import { createPrometheus } from '../metrics/prometheus';
import { migrateAt, openPostgres } from './database';
import { createLogger, safely } from './logger';
import { openService, type Service } from './service';
import { Teardown } from './teardown';
import type { OpenOptions, Tokenfence, TokenfenceOptions } from './tokenfence';
import { version } from './version';

/** The open service, with the types of the packages that it is made of. */
export interface OpenService extends Embedded {
  readonly guard: TellingGuard;
  readonly api: Api;
  readonly sql: Sql;
  readonly metrics: ExposeMetrics;
  /** What our own HTTP server takes besides. */
  readonly parts: Service & { readonly stopping: AbortSignal };
  announceStop(): void;
  close(): Promise<void>;
}

/** Opens the service with settings that were read. */
export async function openTokenfence(
  config: Config,
  options: OpenOptions & Callbacks = {},
): Promise<OpenService> {
  const { logger = createLogger(config.logLevel), signal, clock = systemClock } = options;
  const { migrate: mayMigrate, ...callbacks } = options;
  const teardown = new Teardown();
  try {
    const base = {
      config,
      logger,
      teardown,
      clock,
      callbacks,
      mayMigrate,
      metrics: createPrometheus(version),
    };
    const service = await openService(base, signal);
    const stopping = new AbortController();
    const parts = { ...service, stopping: stopping.signal };
    const { embedded, close } = embed({ ...config, ...parts });
    teardown.add(close);
    const { guard, announcements } = service;
    return {
      ...embedded,
      guard: {
        authenticate: (authorization) => guard.authenticate(authorization),
        onRevocation: (listener) => announcements.subscribe(listener),
      },
      api: service.api,
      sql: service.sql,
      metrics: service.exposeMetrics,
      parts,
      announceStop: () => {
        stopping.abort();
        service.door.leave();
      },
      close: () => teardown.run(),
    };
  } catch (error) {
    // The first error matters, not one of the teardown.
    await teardown.run().catch(() => undefined);
    throw error;
  }
}

/** Runs a start whose faults name options, not settings. */
async function namingOptions<T>(start: () => Promise<T>): Promise<T> {
  try {
    return await start();
  } catch (error) {
    if (error instanceof StartError) error.message = aboutOptions(error.message);
    throw error;
  }
}

/** ms; a longer hook would keep a user locked for too long. */
const [SHORTEST_HOOK, LONGEST_HOOK] = [100, 10_000];

/** What only code can give. The other options are settings. */
const IN_CODE: readonly string[] = [
  'logger',
  'signal',
  'clock',
  'claims',
  'hooks',
  'hookTimeout',
  'migrate',
] satisfies (keyof TokenfenceOptions)[];

const settingsIn = (options: TokenfenceOptions): ServiceOptions =>
  Object.fromEntries(Object.entries(options).filter(([name]) => !IN_CODE.includes(name)));

/**
 * Opens the service inside this process. Throws `ConfigError` with every fault of the options, and `StartError` for what
 * else has to be fixed.
 *
 * @example
 * const auth = await createTokenfence({ databaseUrl, redisUrl, secret, issuer: 'https://api.example.com' });
 */
export async function createTokenfence<S extends Shape = Shape>(
  options: TokenfenceOptions<S>,
): Promise<Tokenfence<S>> {
  const { logger, signal, clock, claims, hooks, hookTimeout, migrate } = options;
  const config = readOptions(settingsIn(options));
  if (hookTimeout !== undefined && !(hookTimeout >= SHORTEST_HOOK && hookTimeout <= LONGEST_HOOK))
    throw new ConfigError([`hookTimeout must be a number from ${SHORTEST_HOOK} to ${LONGEST_HOOK}, in ms.`]);
  const callbacks = { claims, hooks, hookTimeout };
  const opened: Tokenfence & OpenService = await namingOptions(() =>
    openTokenfence(config, { logger: logger && safely(logger), signal, clock, migrate, ...callbacks }),
  );
  for (const warning of config.warnings) opened.parts.logger.warn({}, warning);
  // The types of its role and claims are the caller's word.
  return opened as unknown as Tokenfence<S>;
}

/**
 * Runs the migrations, for a start with `migrate: false`. It takes the same options. Its role in Postgres may be another
 * one.
 */
export async function migrate<S extends Shape = Shape>(options: TokenfenceOptions<S>): Promise<void> {
  const config = readOptions(settingsIn(options));
  const teardown = new Teardown();
  try {
    await namingOptions(async () => migrateAt(await openPostgres(config, teardown), () => Promise.resolve()));
  } finally {
    await teardown.run();
  }
}
