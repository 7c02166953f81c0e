import 'reflect-metadata';
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { EntityManager } from 'typeorm';
import { createAdministrator } from '../administrator';
import { type Config, readConfig } from '../config/config';
import type { Env } from '../config/env';
import { isUnavailable } from '../core/errors';
import { StartError } from '../core/start-error';
import { connect, tellOfWait } from '../database';
import { openEmbeddedPostgres } from '../embedded/pglite';
import { createLogger } from '../logger';
import { createPasswords } from '../passwords/argon2';
import { changeLease, lastAgreement, partWithCopies, switchRedis } from '../postgres/fleet-settings';
import { migrate } from '../postgres/start';
import { preparationFault } from '../postgres/start-faults';
import { tablesIn } from '../postgres/truth';
import { endEpoch } from '../redis/end-epoch';
import { outlasting } from '../protocol/lease';
import { explain } from './explain';

type Work = (manager: EntityManager) => Promise<string>;

type Agreed = Awaited<ReturnType<typeof lastAgreement>>;

/** Ends the epoch and waits until every lease is over. Answers false where Redis cannot be reached. */
async function endLeases(redisUrl: string, { databaseId, revocationLease }: Agreed): Promise<boolean> {
  try {
    await endEpoch(redisUrl, databaseId);
  } catch (error) {
    if (!isUnavailable(error)) throw error;
    return false;
  }
  if (revocationLease !== undefined) await sleep(outlasting(revocationLease));
  return true;
}

/**
 * Keeps services with a guard from relying on what Redis holds of this database: they may run while the nodes are
 * stopped. Answers what is left for the operator to do.
 */
async function endReliance(redisUrl: string | undefined, before: Agreed): Promise<string> {
  if (!before.usesRedis) return '';
  if (redisUrl === undefined) {
    return ' REDIS_URL is not set, so a service that has a guard may still rely on what Redis holds: restart each of them.';
  }
  if (await endLeases(redisUrl, before)) return '';
  throw new StartError(
    'Nothing was changed, as REDIS_URL cannot be reached: services that have a guard may rely on what it holds. ' +
      'If it is gone for good, run this again without REDIS_URL, and restart those services.',
  );
}

/**
 * Does the same once more, when the database has its new id. A node that was not stopped may have filled the epoch again
 * before that. From now on it finds another id, and fills none.
 */
async function endRelianceOfNodes(redisUrl: string | undefined, before: Agreed): Promise<string> {
  if (!before.usesRedis || redisUrl === undefined || (await endLeases(redisUrl, before))) return '';
  return ' Redis could not be reached any more: stop each node that still runs.';
}

/** What an administrator asks for. */
export interface Task {
  /** As it was typed. */
  readonly words: string;
  /** Whether it is about what all nodes have in common, which a process without others has not. */
  readonly isOfFleet: boolean;
  readonly work: (env: Env, config: Config) => Work;
}

export const creating = (email: string): Task => ({
  words: 'create',
  isOfFleet: false,
  work: (env, config) => async (manager) => {
    // An empty variable is what a compose file makes of one that is not set.
    const given = env.ADMIN_PASSWORD || undefined;
    const password = given ?? randomBytes(15).toString('base64url');
    const tables = tablesIn(manager, { hasCopies: false, clockSkew: config.clockSkew });
    await createAdministrator(tables, createPasswords(config), { email, password });
    const shown = given === undefined ? ` The password is shown this once: ${password}` : '';
    return `The administrator ${email} was made.${shown}`;
  },
});

export const switching = (state: 'on' | 'off'): Task => ({
  words: 'redis',
  isOfFleet: true,
  work: () => async (manager) => {
    await switchRedis(state === 'on', manager);
    return `Nodes on this database now start ${state === 'on' ? 'with' : 'without'} REDIS_URL only.`;
  },
});

/** @param lease ms */
export const leasing = (lease: number): Task => ({
  words: 'lease',
  isOfFleet: true,
  work: () => async (manager) => {
    await changeLease(lease, manager);
    return `Nodes on this database now start with REVOCATION_LEASE=${lease}ms only.`;
  },
});

export const RESTORED: Task = {
  words: 'restored',
  isOfFleet: true,
  work: () => async (manager) => {
    await partWithCopies(manager);
    return 'Done. Start one node. Run rotateSigningKey(revokeOld: true), sign in again, and run forceLogoutAll.';
  },
};

async function carryOut(task: Task, env: Env): Promise<string> {
  // The password here is for the account to be made, not for one at the first start.
  const config = readConfig({ ...env, ADMIN_EMAIL: undefined, ADMIN_PASSWORD: undefined });
  const { store } = config;
  if (task.isOfFleet && store.mode === 'embedded') {
    throw new StartError(
      `The embedded mode is one process without Redis, so "${task.words}" has nothing to do there. ` +
        'Set DATABASE_URL to say which database is meant.',
    );
  }
  const embedded = store.mode === 'embedded' ? await openEmbeddedPostgres(store.dataDir) : undefined;
  const address =
    embedded ?? (store.mode === 'servers' ? { url: store.databaseUrl, schema: store.schema } : { url: '' });
  try {
    const dataSource = await connect(address, { statementTimeout: 0, poolSize: 1 });
    try {
      let before: Agreed | undefined;
      const redisUrl = store.mode === 'servers' ? store.redisUrl : undefined;
      const prepare = async (manager: EntityManager) => {
        if (task.isOfFleet) before = await lastAgreement(manager);
        // Before anything is changed: from then on nodes may start, and confirm what such a service does not hear of.
        const rest = before ? await endReliance(redisUrl, before) : '';
        return `${await task.work(env, config)(manager)}${rest}`;
      };
      const answer = await migrate(dataSource, prepare, { onWait: tellOfWait(createLogger('warn')) });
      return `${answer}${before ? await endRelianceOfNodes(redisUrl, before) : ''}`;
    } catch (error) {
      throw preparationFault(error);
    } finally {
      await dataSource.destroy();
    }
  } finally {
    await embedded?.close();
  }
}

/** What the command leaves behind: the exit code of its process, and the text that tells of it. */
export interface Outcome {
  readonly code: 0 | 1;
  readonly text: string;
}

/** Carries the task out. Answers 0 with its answer, or 1 with what went wrong. Never rejects. */
export async function administer(task: Task, env: Env): Promise<Outcome> {
  try {
    return { code: 0, text: `${await carryOut(task, env)}\n` };
  } catch (error) {
    return { code: 1, text: `${explain(error)}\n` };
  }
}
