import { createAvailability } from '../core/availability';
import type { Clock } from '../core/clock';
import { databaseOf } from '../core/key-id';
import type { Logger } from '../core/ports/logger';
import type { Metrics } from '../core/ports/metrics';
import type { Source, SourceState } from '../core/ports/source';
import type { LoggedRevocation } from '../core/revocation';
import { every } from '../core/loop';
import { isNew } from '../protocol/is-new';
import { createProbe } from '../protocol/probe';
import { View } from '../protocol/view';
import { openRedisLink } from '../redis/link';
import type { RedisSource } from '../redis/client';
import { type Check, createCheck } from '../revocation/check';
import { createRecordsSource } from '../revocation/records-source';
import type { JwksKeys } from '../tokens/jwks-keys';

export interface AttachmentsOptions {
  readonly redis: RedisSource;
  readonly keys: Pick<JwksKeys, 'ids' | 'revoke' | 'reload'>;
  /** Asked when neither the view nor Redis can tell. */
  readonly lastResort?: Source;
  readonly usesView: boolean;
  /** Names that the view of one database may hold. */
  readonly viewLimit: number;
  /** Called once for each revocation that this process learns of. */
  readonly onRevocation: (entry: LoggedRevocation, isNew: boolean) => void;
  readonly clock: Clock;
  /** ms that clocks may differ by */
  readonly clockSkew: number;
  readonly logger: Logger;
  readonly metrics: Pick<Metrics, 'checked'>;
}

/** The logs that a guard follows in Redis: one for each database whose keys it holds. */
export interface Attachments {
  /** Checks a token against the log of the database that its key names, and no other. */
  readonly check: Check;
  /** Follows the databases that the keys name now, and leaves all others. */
  sync(): void;
  /** The state of all attachments together. */
  readonly state: SourceState;
  /** Resolves when the first attempt to connect has ended for each, successful or not. */
  tried(): Promise<unknown>;
  /** Why Redis refuses the database number in the options, if it does. */
  readonly refusal: string | undefined;
  close(): Promise<void>;
}

/** Follows the log of one database. Attachments share nothing: neither view nor connection. */
interface Attachment {
  readonly check: Check;
  readonly state: SourceState;
  readonly tried: Promise<unknown>;
  readonly refusal: string | undefined;
  close(): Promise<void>;
}

/** Databases that are followed at a time. One is usual; two while key sets are merged, or one replaces the other. */
const MOST = 4;

/** ms between two looks at which databases the keys name, and between two sweeps of the views. */
const SYNC_INTERVAL = 500;
const SWEEP_INTERVAL = 30_000;

/** ms after which the keys are read again while a log cannot be followed: its database may have a new id. */
const RELOAD_INTERVAL = 10_000;

function attach(databaseId: string, options: AttachmentsOptions): Attachment {
  const { redis, keys, lastResort, usesView, viewLimit, clock, clockSkew, logger, metrics } = options;
  const view = new View(viewLimit, () => clock.now());
  const take = (entry: LoggedRevocation) => {
    if (!view.apply(entry)) return;
    // Before the listeners hear of it: they may check a token at once, and the key must be gone by then.
    if (entry.kind === 'KEY') {
      keys.revoke(entry.keyId);
      void keys.reload();
    }
    options.onRevocation(entry, isNew(entry, view, clockSkew));
  };
  const availability = createAvailability(
    logger,
    'Redis',
    'Tokens are checked by introspection until it is back, or refused.',
  );
  const link = openRedisLink({ source: redis, databaseId, follows: usesView, availability, clock });
  const source = usesView
    ? link.startHeartbeat({ view, usesView, take, logger, tokenTtl: 0 })
    : createProbe(link.stream, link.epoch, clock);
  const stopSweeping = every(SWEEP_INTERVAL, () => {
    view.sweep();
    return Promise.resolve();
  });
  return {
    check: createCheck({
      sources: [
        source,
        createRecordsSource({ records: link.records, epochs: source }),
        ...(lastResort ? [lastResort] : []),
      ],
      clock,
      clockSkew,
      metrics,
    }),
    get state() {
      return source.state;
    },
    tried: link.tried,
    get refusal() {
      return link.refusal;
    },
    async close() {
      await stopSweeping();
      await source.stop();
      link.close();
    },
  };
}

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
export function createAttachments(options: AttachmentsOptions): Attachments {
  const { keys, lastResort, usesView, clock, clockSkew, logger, metrics } = options;
  const attached = new Map<string, Attachment>();
  const closing = new Set<Promise<void>>();
  let ignored = '';
  let closed = false;

  /** Checks tokens of a database that is not followed. */
  const checkElsewhere = createCheck({ sources: lastResort ? [lastResort] : [], clock, clockSkew, metrics });

  const end = (databaseId: string, attachment: Attachment) => {
    // Removed first, so that no token is checked against it while it stops.
    attached.delete(databaseId);
    const ending: Promise<void> = attachment
      .close()
      .catch((error: unknown) => logger.error({ err: error }, 'A revocation log could not be left.'))
      .finally(() => closing.delete(ending));
    closing.add(ending);
  };

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

  const state = () => stateOf([...attached.values()].map((attachment) => attachment.state));

  let sinceReading = 0;
  const stopSyncing = every(SYNC_INTERVAL, async () => {
    const isWell = usesView ? state().isCurrent : attached.size > 0;
    sinceReading = isWell ? 0 : sinceReading + SYNC_INTERVAL;
    if (sinceReading >= RELOAD_INTERVAL) {
      sinceReading = 0;
      await keys.reload();
    }
    sync();
  });

  return {
    check(token, text) {
      const databaseId = databaseOf(token.keyId);
      // Its key may have been read just now.
      if (databaseId !== undefined && !attached.has(databaseId)) sync();
      const attachment = databaseId === undefined ? undefined : attached.get(databaseId);
      return (attachment?.check ?? checkElsewhere)(token, text);
    },
    sync,
    get state() {
      return state();
    },
    tried: () => Promise.all([...attached.values()].map((attachment) => attachment.tried)),
    get refusal() {
      return [...attached.values()].map((attachment) => attachment.refusal).find(Boolean);
    },
    async close() {
      closed = true;
      await stopSyncing();
      for (const [id, attachment] of [...attached]) end(id, attachment);
      await Promise.all(closing);
    },
  };
}
