import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { DataSource } from 'typeorm';
import { type AdminActions, createAdminActions } from '../actions/admin-actions';
import { makeResetLink, type ResetLink } from '../actions/make-reset-link';
import type { Actor, ActorClient } from '../actions/client';
import { noHooks } from '../actions/run-hook';
import type { Config } from '../config/config';
import { systemClock } from '../core/clock';
import { StartError } from '../core/start-error';
import { FolderTakenError } from '../embedded/pglite';
import type { PostgresAddress } from '../postgres/data-source';
import { lastAgreement } from '../postgres/fleet-settings';
import { checkAge, hasPendingMigrations } from '../postgres/ledger';
import { createTruth } from '../postgres/truth';
import { unlimited } from '../rate-limits/rate-limits';
import { createRevoker } from '../revocation/revoke';
import { createLinkTokens } from '../tokens/link';
import { createRefreshKeyRing } from '../tokens/refresh-keys';
import { checkSecret, connect, openPostgres, sealOf, STATEMENT_TIMEOUT } from './database';
import { Teardown } from './teardown';
import { assembleConfirmation } from './wire-confirmation';

/** What an operator can do with accounts without a server of their own. */
export interface Administration {
  readonly actions: AdminActions;
  /** Whether the nodes send the mails that are written here. */
  readonly canMail: boolean;
  readonly makeResetLink: (admin: Actor, userId: string, client: ActorClient) => Promise<ResetLink>;
  /** Counts the live sessions of all users: an estimate where there are many. */
  readonly countSessions: () => Promise<number>;
}

/** Opens the Postgres of the configuration. Creates nothing: a wrong folder must not look like an empty database. */
async function openExisting(config: Config, teardown: Teardown): Promise<PostgresAddress> {
  const { store } = config;
  if (store.mode === 'embedded' && !existsSync(join(store.dataDir, 'postgres')))
    throw new StartError(
      `There is no database in ${store.dataDir}. Set DATABASE_URL, or DATA_DIR, as for the server.`,
    );
  try {
    return await openPostgres(config, teardown);
  } catch (error) {
    if (!(error instanceof FolderTakenError) || store.mode !== 'embedded') throw error;
    throw new StartError(
      `A running server uses the folder ${store.dataDir}. In the embedded mode only one process can open the ` +
        'database. Stop the server and run this again, or use the API: sign in as an administrator.',
    );
  }
}

async function checkMigrations(dataSource: DataSource): Promise<void> {
  if (await hasPendingMigrations(dataSource))
    throw new StartError(
      'The database lacks migrations of this version. Start one node of this version first.',
    );
  await checkAge(dataSource.manager);
}

async function assemble(config: Config, teardown: Teardown): Promise<Administration> {
  const clock = systemClock;
  const address = await openExisting(config, teardown);
  const dataSource = await connect(address, { statementTimeout: STATEMENT_TIMEOUT, poolSize: 2 });
  teardown.add(() => dataSource.destroy());
  await checkMigrations(dataSource);
  const agreement = await lastAgreement(dataSource.manager);
  const { databaseId, usesRedis: hasCopies } = agreement;
  const truth = createTruth(dataSource, { hasCopies, databaseId, clockSkew: config.clockSkew });
  // A primary that was cut off would call the newest users unknown.
  await truth.ping();
  const canMail = config.mail.delivery.way === 'smtp';
  const actions = createAdminActions({
    truth,
    hooks: noHooks,
    revoker: createRevoker(truth, assembleConfirmation({ config, agreement, truth, clock })),
    canMail,
    settings: config,
    // The operator could write to the database as well.
    rateLimits: unlimited,
    // The nodes look into the outbox by themselves.
    mailSender: { wake: () => undefined },
  });
  return {
    actions,
    canMail,
    countSessions: () => truth.sessions.countLive(),
    async makeResetLink(admin, userId, client) {
      const seal = await sealOf(config);
      await checkSecret(seal, truth);
      const keys = createRefreshKeyRing({ list: () => truth.refreshKeys.list(), seal, clock });
      await keys.reload();
      const links = createLinkTokens(keys, clock);
      return makeResetLink({ truth, links, settings: config })(admin, userId, client);
    },
  };
}

/**
 * Runs work on the accounts of a database, beside running nodes or without any. Takes no lock of theirs, and migrates
 * nothing. Throws `StartError` for what the operator has to fix.
 */
export async function withAdministration<T>(
  config: Config,
  work: (administration: Administration) => Promise<T>,
): Promise<T> {
  const teardown = new Teardown();
  try {
    return await work(await assemble(config, teardown));
  } finally {
    await teardown.run().catch(() => undefined);
  }
}
