import { setTimeout as sleep } from 'node:timers/promises';
import type { Config } from '../config/config';
import { untold } from '../core/availability';
import type { Clock } from '../core/clock';
import { isUnavailable } from '../core/errors';
import { noMetrics } from '../core/ports/metrics';
import type { Truth } from '../core/ports/truth';
import type { LastAgreement } from '../postgres/fleet-settings';
import { type Confirm, createConfirm } from '../protocol/confirm';
import { createConfirmByNodes } from '../protocol/confirm-by-nodes';
import { outlasting } from '../protocol/lease';
import { createPublish } from '../protocol/publish';
import { hasEpoch } from '../redis/has-epoch';
import { openRedisLink } from '../redis/link';
import { refusedDatabase } from './wire-revocation';

export interface ConfirmationOptions {
  readonly config: Config;
  readonly agreement: LastAgreement;
  readonly truth: Pick<Truth, 'log'>;
  readonly clock: Clock;
}

/** ms for the relay of a node to find a revocation and to publish it, besides the wait for a silent node. */
const RELAY_TIME = 2000;

const MEANWHILE = 'It is stored. Until a node publishes it, a node or a service may accept the tokens.';

const unconfirmed = (reason: string) => ({ confirmed: false, reason: `${reason} ${MEANWHILE}` }) as const;

const NO_NODE = unconfirmed(
  'No node has published it: none runs, or none can reach Redis. A node does so within a second after both are well. ' +
    'If no node should run, set REDIS_URL as for the nodes, and run this again.',
);

const NO_EPOCH = unconfirmed(
  'No node has published it, and the Redis in REDIS_URL holds nothing of this database.',
);

/** Publishes without a node, for services with a guard that run while the nodes are stopped. */
function createConfirmItself(
  { config, agreement, truth, clock }: ConfirmationOptions,
  redisUrl: string,
): Confirm {
  const { databaseId, revocationLease: lease = config.revocationLease } = agreement;
  return async (entries) => {
    const replicas = config.waitReplicas;
    const settings = { source: redisUrl, databaseId, availability: untold, clock, lease, replicas };
    const link = openRedisLink({ ...settings, follows: false });
    try {
      await link.tried;
      const { refusal } = link.forReads;
      if (refusal !== undefined) return unconfirmed(refusedDatabase(refusal));
      // Saying hello to another Redis than that of the nodes would begin an epoch there, and confirm in it.
      const isThere = await hasEpoch(link.forReads, databaseId).catch((error: unknown) => {
        if (!isUnavailable(error)) throw error;
        // The confirmation tries again for a while, and then says so.
        return true;
      });
      if (!isThere) return NO_EPOCH;
      const confirm = createConfirm({
        publish: createPublish({ ...link, wait: outlasting(lease), clock }),
        take: () => undefined,
        // Left unmarked, so that a node publishes it again, where its own Redis is another one after all.
        log: { areConfirmed: (ids) => truth.log.areConfirmed(ids), markConfirmed: () => Promise.resolve() },
        metrics: noMetrics,
        patience: 2 * lease + 1000,
      });
      return await confirm(entries);
    } finally {
      link.close();
    }
  };
}

/**
 * Confirms beside the database of the embedded mode. Its server is stopped, but may have crashed. Services that followed it
 * need not have noticed, and rely on what it granted until that is over. Only this command writes to the database by now.
 *
 * @param lease ms; the longest that any server on this database had
 */
function createConfirmEmbedded(clock: Clock, lease: number): Confirm {
  const settledAt = clock.monotonic() + outlasting(lease);
  return async (entries) => {
    if (entries.length > 0) await sleep(Math.max(0, settledAt - clock.monotonic()));
    return { confirmed: true };
  };
}

/** Puts together how a command, which is not a node, confirms what it has committed. */
export function assembleConfirmation(options: ConfirmationOptions): Confirm {
  const { config, agreement, truth, clock } = options;
  const { revocationLease: lease = config.revocationLease, usesRedis } = agreement;
  if (config.store.mode === 'embedded') return createConfirmEmbedded(clock, lease);
  // Without copies, the commit confirms.
  if (!usesRedis) return () => Promise.resolve({ confirmed: true });
  const { redisUrl } = config.store;
  return createConfirmByNodes({
    log: truth.log,
    patience: RELAY_TIME + (redisUrl === undefined ? 2 * lease + 1000 : 0),
    otherwise:
      redisUrl === undefined ? () => Promise.resolve(NO_NODE) : createConfirmItself(options, redisUrl),
  });
}
