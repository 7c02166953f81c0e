import 'reflect-metadata';
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { EntityManager } from 'typeorm';
import { createAdministrator } from './administrator';
import { type Config, LEASE_LIMITS, readConfig } from './config/config';
import { type Env, readEnv } from './config/env';
import { isWithin, parseDuration } from './config/settings';
import { isUnavailable } from './core/errors';
import { connect } from './database';
import { openEmbeddedPostgres } from './embedded/pglite';
import { createPasswords } from './passwords/argon2';
import { changeLease, lastAgreement, partWithCopies, switchRedis } from './postgres/fleet-settings';
import { migrate } from './postgres/start';
import { tablesIn } from './postgres/truth';
import { endEpoch } from './redis/end-epoch';
import { outlasting } from './revocation/lease';

const USAGE = `Usage:
  npm run admin -- create <email>   makes an administrator; the password is read from ADMIN_PASSWORD,
                                    or made up and printed once
  npm run admin -- redis on|off     says whether the nodes on this database use Redis; stop them all first
  npm run admin -- lease <duration> says which REVOCATION_LEASE the nodes have (${LEASE_LIMITS.from} to ${LEASE_LIMITS.to});
                                    stop them all first
  npm run admin -- restored         after restoring a backup of Postgres, before the nodes start: what Redis holds of
                                    the time after the backup counts no more
`;

type Work = (manager: EntityManager) => Promise<string>;

/**
 * Sees to it that nobody relies any more on what Redis holds of this database: the nodes are stopped, but services that
 * have a guard may run. Answers what is left for the operator to do.
 */
async function endReliance(redisUrl: string | undefined, manager: EntityManager): Promise<string> {
  const { databaseId, usesRedis, revocationLease } = await lastAgreement(manager);
  if (!usesRedis) return '';
  if (redisUrl === undefined) {
    return ' REDIS_URL is not set, so a service that has a guard may still rely on what Redis holds: restart each of them.';
  }
  try {
    await endEpoch(redisUrl, databaseId);
  } catch (error) {
    if (!isUnavailable(error)) throw error;
    throw new Error(
      'Nothing was changed, as REDIS_URL cannot be reached: services that have a guard may rely on what it holds. ' +
        'If it is gone for good, run this again without REDIS_URL, and restart those services.',
      { cause: error },
    );
  }
  if (revocationLease !== undefined) await sleep(outlasting(revocationLease));
  return '';
}

function workOf(command = '', argument: string | undefined, env: Env, config: Config): Work | undefined {
  if (command === 'create' && argument !== undefined) {
    return async (manager) => {
      // An empty variable is what a compose file makes of one that is not set.
      const given = env.ADMIN_PASSWORD || undefined;
      const password = given ?? randomBytes(15).toString('base64url');
      const tables = tablesIn(manager, { hasCopies: false, clockSkew: config.clockSkew });
      await createAdministrator(tables, createPasswords(config), { email: argument, password });
      const shown = given === undefined ? ` The password is shown this once: ${password}` : '';
      return `The administrator ${argument} was made.${shown}`;
    };
  }
  if (command === 'redis' && (argument === 'on' || argument === 'off')) {
    return async (manager) => {
      await switchRedis(argument === 'on', manager);
      return `Nodes on this database now start ${argument === 'on' ? 'with' : 'without'} REDIS_URL only.`;
    };
  }
  const lease = command === 'lease' && argument !== undefined ? parseDuration(argument) : undefined;
  if (lease !== undefined && isWithin(lease, LEASE_LIMITS)) {
    return async (manager) => {
      await changeLease(lease, manager);
      return `Nodes on this database now start with REVOCATION_LEASE=${lease}ms only.`;
    };
  }
  if (command === 'restored' && argument === undefined) {
    return async (manager) => {
      await partWithCopies(manager);
      return 'Done. Start one node, and run rotateSigningKey(revokeOld: true) and forceLogoutAll in one request.';
    };
  }
  return undefined;
}

async function run(words: readonly string[]): Promise<string | undefined> {
  const [command, argument] = words;
  const env = readEnv();
  // The password here is for the account to be made, not for one at the first start.
  const config = readConfig({ ...env, ADMIN_EMAIL: undefined, ADMIN_PASSWORD: undefined });
  const { store } = config;
  const work = workOf(command, argument, env, config);
  if (!work) return undefined;
  if (command !== 'create' && store.mode === 'embedded') {
    throw new Error(
      `The embedded mode is one process without Redis, so "${words.join(' ')}" has nothing to do there. ` +
        'Set DATABASE_URL to say which database is meant.',
    );
  }

  const embedded = store.mode === 'embedded' ? await openEmbeddedPostgres(store.dataDir) : undefined;
  const address = embedded ?? { url: store.mode === 'servers' ? store.databaseUrl : '' };
  try {
    const dataSource = await connect(address, { statementTimeout: 0, poolSize: 1 });
    try {
      return await migrate(dataSource, async (manager) => {
        const isOfFleet = command !== 'create' && store.mode === 'servers';
        // Before anything is changed: from then on nodes may start, and confirm what such a service does not hear of.
        const rest = isOfFleet ? await endReliance(store.redisUrl, manager) : '';
        return `${await work(manager)}${rest}`;
      });
    } finally {
      await dataSource.destroy();
    }
  } finally {
    await embedded?.close();
  }
}

run(process.argv.slice(2)).then(
  (answer) => {
    process.stdout.write(answer === undefined ? USAGE : `${answer}\n`);
    process.exit(answer === undefined ? 2 : 0);
  },
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  },
);
