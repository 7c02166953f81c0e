import 'reflect-metadata';
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { EntityManager } from 'typeorm';
import { createAdministrator } from '../actions/create-administrator';
import type { Config } from '../config/config';
import { readConfig } from '../config/read-config';
import type { Env } from '../config/env';
import { isUnavailable } from '../core/errors';
import { StartError } from '../core/start-error';
import { migrateAt, openPostgres, tellOfWait } from '../server/database';
import { Teardown } from '../server/teardown';
import { createLogger } from '../server/logger';
import { createPasswords } from '../passwords/argon2';
import { changeLease, lastAgreement, partWithCopies, switchRedis } from '../postgres/fleet-settings';
import { tablesIn } from '../postgres/truth';
import { endEpoch } from '../redis/end-epoch';
import { outlasting } from '../protocol/lease';
import { failureOf } from './failure';
import type { Outcome } from './job';

type Agreed = Awaited<ReturnType<typeof lastAgreement>>;

/** Ends the epoch and waits until every lease has ended. Returns false if Redis cannot be reached. */
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
 * Makes services with a guard stop trusting what Redis holds of this database: they may run while the nodes are
 * stopped. Returns what the operator still has to do.
 */
async function endReliance(redisUrl: string | undefined, before: Agreed): Promise<string> {
  if (!before.usesRedis) return '';
  if (redisUrl === undefined) {
    return ' REDIS_URL is not set, so services with a guard may still trust what Redis holds. Restart each of them.';
  }
  if (await endLeases(redisUrl, before)) return '';
  throw new StartError(
    'Nothing was changed: REDIS_URL cannot be reached, and services with a guard may trust what it holds. ' +
      'If that Redis is gone for good, run this again without REDIS_URL, and restart those services.',
  );
}

/**
 * Ends the leases again after the database has its new id. A node that was not stopped may have filled the epoch
 * before. From now on it finds the new id, and fills none.
 */
async function endRelianceOfNodes(redisUrl: string | undefined, before: Agreed): Promise<string> {
  if (!before.usesRedis || redisUrl === undefined || (await endLeases(redisUrl, before))) return '';
  return ' Redis can no longer be reached. Stop each node that still runs.';
}

/** A change that an operator asks for. */
export interface Task {
  /** The name of the command. */
  readonly words: string;
  /** Whether it changes what all nodes share. The embedded mode has only one node. */
  readonly isOfFleet: boolean;
  /** Whether it needs a server with roles, and nothing of the nodes: no SECRET either. */
  readonly isOfServer?: boolean;
  /** Makes the change, and resolves to a sentence about it. */
  readonly work: (manager: EntityManager, config: Config, env: Env) => Promise<string>;
}

export const creating = (email: string): Task => ({
  words: 'create',
  isOfFleet: false,
  async work(manager, config, env) {
    // Compose passes an unset variable as an empty one.
    const given = env.ADMIN_PASSWORD || undefined;
    const password = given ?? randomBytes(15).toString('base64url');
    const tables = tablesIn(manager, { hasCopies: false, clockSkew: config.clockSkew });
    await createAdministrator(tables, createPasswords(config), { email, password });
    const shown = given === undefined ? ` The password is shown only once: ${password}` : '';
    return `Created the administrator ${email}.${shown}`;
  },
});

export const switching = (state: 'on' | 'off'): Task => ({
  words: 'redis',
  isOfFleet: true,
  async work(manager) {
    await switchRedis(state === 'on', manager);
    return `Nodes on this database now start only ${state === 'on' ? 'with' : 'without'} REDIS_URL.`;
  },
});

/** @param lease ms */
export const leasing = (lease: number): Task => ({
  words: 'lease',
  isOfFleet: true,
  async work(manager) {
    await changeLease(lease, manager);
    return `Nodes on this database now start only with REVOCATION_LEASE=${lease}ms.`;
  },
});

export const RESTORED: Task = {
  words: 'restored',
  isOfFleet: true,
  async work(manager) {
    await partWithCopies(manager);
    return 'Done. Start one node. Run rotateSigningKey(revokeOld: true), sign in again, and run forceLogoutAll.';
  },
};

async function carryOut(task: Task, env: Env): Promise<string> {
  // ADMIN_PASSWORD is for the account of this command, not for one at the first start.
  const own = { ADMIN_EMAIL: undefined, ADMIN_PASSWORD: undefined };
  const unused = task.isOfServer && { SECRET: randomBytes(32).toString('base64') };
  const config = readConfig({ ...env, ...own, ...unused });
  const { mode, redisUrl } = config.store;
  if ((task.isOfFleet || task.isOfServer) && mode === 'embedded')
    throw new StartError(
      `"${task.words}" does nothing in the embedded mode, which is one process without Redis. ` +
        'Set DATABASE_URL to name the database.',
    );
  let before: Agreed | undefined;
  const work = async (manager: EntityManager) => {
    if (task.isOfFleet) before = await lastAgreement(manager);
    // Before the change: after it, nodes may start and confirm revocations that such a service does not receive.
    const rest = before ? await endReliance(redisUrl, before) : '';
    return `${await task.work(manager, config, env)}${rest}`;
  };
  const teardown = new Teardown();
  try {
    const address = await openPostgres(config, teardown);
    const answer = await migrateAt(address, work, { onWait: tellOfWait(createLogger('warn')) });
    return `${answer}${before ? await endRelianceOfNodes(redisUrl, before) : ''}`;
  } finally {
    await teardown.run();
  }
}

/** Runs the task. Returns 0 with its answer, or 1 with what went wrong. Never rejects. */
export async function administer(task: Task, env: Env): Promise<Outcome> {
  try {
    return { code: 0, text: `${await carryOut(task, env)}\n` };
  } catch (error) {
    return failureOf(error);
  }
}
