import { createAvailability } from '../core/availability';
import { databaseOf } from '../core/key-id';
import type { Logger } from '../core/ports/logger';
import type { Source, SourceState, ViewSource } from '../core/ports/source';
import type { LoggedRevocation } from '../core/revocation';
import { every } from '../core/loop';
import { background } from '../core/background';
import { isNew } from '../protocol/is-new';
import { createProbe } from '../protocol/probe';
import { View } from '../protocol/view';
import { openRedisLink } from '../redis/link';
import type { RedisSource } from '../redis/client';
import { type Check, type CheckOptions, createCheck } from '../revocation/check';
import { createRecordsSource } from '../revocation/records-source';
import type { JwksKeys } from '../tokens/jwks-keys';
import type { LearnInto } from './learning';

export interface AttachmentsOptions extends Omit<CheckOptions, 'sources'> {
  readonly redis: RedisSource;
  readonly keys: Pick<JwksKeys, 'ids' | 'reload'>;
  /** The view that follows a node, if there is one. Asked first. */
  readonly follower?: Source;
  /** Asked when neither the view nor Redis can tell. */
  readonly introspection?: Source;
  /** Checks tokens of a database that is not followed. */
  readonly checkElsewhere: Check;
  readonly usesView: boolean;
  /** Names that the view of one database may hold. */
  readonly viewLimit: number;
  readonly learnInto: LearnInto;
  readonly logger: Logger;
}

/** Databases that are followed at a time. One is usual; two while key sets are merged, or one replaces the other. */
const MOST = 4;

/** ms between two looks at which databases the keys name, and between two sweeps of the views. */
const SYNC_INTERVAL = 500;
const SWEEP_INTERVAL = 30_000;

/** ms between two reads of the keys while a log cannot be followed: its database may have a new id. */
const RELOAD_INTERVAL = 10_000;

/** ms for which a check waits for the view after a pause of this process, if something else can tell, and if not. */
const PATIENCE = 250;
const PATIENCE_ALONE = 3000;

/** The view once more, after a pause of this process has ended its lease. It is usually back within a few ms. */
const createResumed = (view: ViewSource, patience: number): Source => ({
  step: 'view',
  async find(question) {
    await view.resume?.(patience);
    return view.find(question);
  },
});

/** Follows the log of one database. Attachments share nothing: neither view nor connection. */
function attach(databaseId: string, options: AttachmentsOptions) {
  const { redis, follower, introspection, usesView, clock, clockSkew, logger, metrics } = options;
  const view = new View(options.viewLimit, () => clock.now());
  const learning = options.learnInto(databaseId, view);
  const take = (entry: LoggedRevocation) => learning.take(entry, () => isNew(entry, view, clockSkew));
  const meanwhile = 'Tokens are checked by introspection until it is back, or refused.';
  const availability = createAvailability(logger, 'Redis', meanwhile);
  const link = openRedisLink({ source: redis, databaseId, follows: usesView, availability, clock });
  const source = usesView
    ? link.startHeartbeat({ view, usesView, take, logger, tokenTtl: 0 })
    : createProbe(link.stream, link.epoch, clock);
  const records = createRecordsSource({ records: link.records, epochs: source });
  const resumed = createResumed(source, introspection ? PATIENCE : PATIENCE_ALONE);
  const sources = [follower, source, resumed, records, introspection].filter((each) => each !== undefined);
  const stopSweeping = every(SWEEP_INTERVAL, () => view.sweep());
  return {
    check: createCheck({ sources, clock, clockSkew, metrics }),
    source,
    link,
    async close() {
      await stopSweeping();
      await source.stop();
      learning.leave();
      link.close();
    },
  };
}

type Attachment = ReturnType<typeof attach>;

/** Together they are current when each one is, since a token of any of them may arrive. */
function stateOf(states: readonly SourceState[]): SourceState {
  return {
    isCurrent: states.length > 0 && states.every(({ isCurrent }) => isCurrent),
    size: states.reduce((sum, { size }) => sum + size, 0),
    lag: Math.max(0, ...states.map(({ lag }) => lag)),
    reachesRedis: states.length > 0 && states.every(({ reachesRedis }) => reachesRedis === true),
  };
}

/**
 * Follows the log of each database whose keys the guard holds. The id of the key that verified a token decides which log it
 * is checked against. A new database under the same address has other keys, so it is followed, or asked by introspection,
 * before its first token is checked.
 */
export function createAttachments(options: AttachmentsOptions) {
  const { keys, checkElsewhere, usesView, logger } = options;
  const attached = new Map<string, Attachment>();
  const closing = new Set<Promise<void>>();
  let ignored = '';
  let closed = false;

  const end = (databaseId: string, attachment: Attachment) => {
    // Removed first, so that no token is checked against it while it stops.
    attached.delete(databaseId);
    const leave = background(logger, 'A revocation log could not be left.', () => attachment.close());
    const ending = leave().finally(() => closing.delete(ending));
    closing.add(ending);
  };

  /** Follows the databases that the keys name now, and leaves all others. */
  const sync = () => {
    if (closed) return;
    const named = [...new Set(keys.ids.map(databaseOf).filter((id) => id !== undefined))];
    const followed = named.slice(0, MOST);
    for (const [id, attachment] of [...attached]) if (!followed.includes(id)) end(id, attachment);
    for (const id of followed) if (!attached.has(id)) attached.set(id, attach(id, options));
    const left = named.slice(MOST).join(' ');
    if (left !== ignored && left !== '')
      logger.warn(
        { databases: left, limit: MOST },
        'The key set names more databases than a guard follows. Tokens of the others are checked by introspection, or answered with SERVICE_UNAVAILABLE.',
      );
    ignored = left;
  };

  const state = () => stateOf([...attached.values()].map(({ source }) => source.state));
  const check: Check = (token, text) => {
    const databaseId = databaseOf(token.keyId);
    if (databaseId === undefined) return checkElsewhere(token, text);
    // Its key may have been read just now.
    if (!attached.has(databaseId)) sync();
    return (attached.get(databaseId)?.check ?? checkElsewhere)(token, text);
  };

  const stopSyncing = every(SYNC_INTERVAL, sync);
  const stopReloading = every(RELOAD_INTERVAL, async () => {
    const isWell = usesView ? state().isCurrent : attached.size > 0;
    if (!isWell) await keys.reload();
  });

  return {
    /** Checks a token against the log of the database that its key names, and no other. */
    check,
    sync,
    /** Returns the state of all attachments together. */
    state,
    /** Resolves when the first attempt to connect has ended for each, successful or not. */
    tried: () => Promise.all([...attached.values()].map(({ link }) => link.tried)),
    /** Returns why Redis refuses the database number in the options, if it does. */
    refusal: () => [...attached.values()].map(({ link }) => link.forReads.refusal).find(Boolean),
    async close() {
      closed = true;
      await Promise.all([stopSyncing(), stopReloading()]);
      for (const [id, attachment] of [...attached]) end(id, attachment);
      await Promise.all(closing);
    },
  };
}
