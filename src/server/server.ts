import { randomBytes } from 'node:crypto';
import type { Logger } from 'pino';
import { type AdministratorAccount, createAdministrator } from '../actions/create-administrator';
import type { Config } from '../config/config';
import type { Clock } from '../core/clock';
import type { Callbacks } from '../core/ports/hooks';
import type { Truth } from '../core/ports/truth';
import { createApp } from '../http/app';
import { createPasswords } from '../passwords/argon2';
import { openTokenfence, type OpenService } from './create-tokenfence';
import { listen, serveMetrics } from './listen';
import { Teardown } from './teardown';

export interface RunningServer {
  /** The base URL of the API. */
  readonly url: string;
  /** The administrator that this start created, with a generated password, which is shown once. */
  readonly madeAdministrator?: AdministratorAccount;
  /** The base URL of `/metrics`, if METRICS_PORT is set. */
  readonly metricsUrl?: string;
  /** Makes `/readyz` answer 503 and closes each connection after its next answer. Requests are served until `close`. */
  announceStop(): void;
  /** Finishes requests in progress, then closes everything. */
  close(): Promise<void>;
}

/** Creates the embedded mode's first administrator. Called last, so that the password is shown if it was created. */
async function ensureEmbeddedAdministrator(
  config: Config,
  truth: Truth,
): Promise<AdministratorAccount | undefined> {
  if (config.store.mode !== 'embedded' || (await truth.users.countEnabledAdministrators()) > 0)
    return undefined;
  const account = { email: 'admin@example.com', password: randomBytes(15).toString('base64url') };
  await truth.transaction((tables) => createAdministrator(tables, createPasswords(config), account));
  return account;
}

/**
 * Starts the server. Throws `StartError` for what the operator has to fix.
 *
 * @param signal ends a start that waits for another session; `startServer` then rejects with an `AbortError`
 * @param clock the system's if left out
 */
export async function startServer(
  config: Config,
  logger: Logger,
  signal?: AbortSignal,
  clock?: Clock,
  callbacks?: Callbacks,
): Promise<RunningServer> {
  const auth = await openTokenfence(config, { ...callbacks, logger, signal, clock });
  const teardown = new Teardown();
  teardown.add(() => auth.close());
  try {
    return await listenWith(auth, config, logger, teardown);
  } catch (error) {
    // The operator needs to see the first error, not one of the teardown.
    await teardown.run().catch(() => undefined);
    throw error;
  }
}

async function listenWith(
  auth: OpenService,
  config: Config,
  logger: Logger,
  teardown: Teardown,
): Promise<RunningServer> {
  const { parts } = auth;
  const app = await createApp({
    ...config,
    ...parts,
    auth,
    // In production only on METRICS_PORT, which should not be public.
    exposeMetrics: config.metricsPort === undefined && !config.production ? auth.metrics : undefined,
    logger,
  });
  const metricsUrl = await serveMetrics(config, auth.metrics, logger, teardown);
  teardown.add(() => app.close());
  const url = await listen(app, config.host, config.port, 'PORT');
  const madeAdministrator = await ensureEmbeddedAdministrator(config, parts.truth);
  return {
    url,
    madeAdministrator,
    metricsUrl,
    announceStop: () => auth.announceStop(),
    close: () => teardown.run(),
  };
}
