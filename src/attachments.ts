import { createAvailability } from './core/availability';
import type { Clock } from './core/clock';
import { databaseOf } from './core/key-id';
import type { Logger } from './core/ports/logger';
import type { Metrics } from './core/ports/metrics';
import { type SourceState, noSource } from './core/ports/source';
import type { LoggedRevocation } from './core/revocation';
import { every } from './core/schedule';
import { isNew } from './protocol/is-new';
import { createProbe } from './protocol/probe';
import { createView } from './protocol/view';
import { openRedisLink } from './redis-link';
import type { RedisSource } from './redis/client';
import { type Check, createCheck, type LastResort } from './revocation/check';
import type { JwksKeys } from './tokens/jwks-keys';

export interface AttachmentsOptions {
  readonly redis: RedisSource;
  readonly keys: Pick<JwksKeys, 'ids' | 'revoke' | 'reload'>;
  /** Who is asked when neither the view nor Redis can tell. */
  readonly lastResort?: LastResort;
  readonly usesView: boolean;
  /** How many names the view of one database may hold. */
  readonly viewLimit: number;
  /** Told of each revocation that this process learns of, once. */
  readonly onRevocation: (entry: LoggedRevocation, isNew: boolean) => void;
  readonly clock: Clock;
  /** ms that clocks may differ by */
  readonly clockSkew: number;
  readonly logger: Logger;
  readonly metrics: Pick<Metrics, 'checked'>;
}

/** What a guard follows in Redis: the log of each database whose keys it holds. */
export interface Attachments {
  /** Judges a token by the log of the database that its key names, and by no other. */
  readonly check: Check;
  /** Begins to follow the databases that the keys name now, and leaves all others. */
  sync(): void;
  /** All of them together. */
  readonly state: SourceState;
  /** Resolves when the first attempt to connect has ended for each of them, well or not. */
  tried(): Promise<unknown>;
  /** Why Redis refuses the number of its database that the options name, if it does. */
  readonly refusal: string | undefined;
  close(): Promise<void>;
}

/** What follows the log of one database. Nothing of it is shared with another: neither view nor connection. */
interface Attachment {
  readonly check: Check;
  readonly state: SourceState;
  readonly tried: Promise<unknown>;
  readonly refusal: string | undefined;
  close(): Promise<void>;
}

/** Databases that are followed at a time. One is usual; two while a set is merged of two, or one replaces the other. */
const MOST = 4;

/** ms between two looks at which databases the keys name, and between two sweeps of the views. */
const SYNC_INTERVAL = 500;
const SWEEP_INTERVAL = 30_000;

/** ms after which the keys are read again when a log cannot be followed: its database may have another id by now. */
const RELOAD_INTERVAL = 10_000;

function attach(databaseId: string, options: AttachmentsOptions): Attachment {
  const { redis, keys, lastResort, usesView, viewLimit, clock, clockSkew, logger, metrics } = options;
  const view = createView(viewLimit, () => clock.now());
  const take = (entry: LoggedRevocation) => {
    if (!view.apply(entry)) return;
    // A revoked key is to be gone at once, not with the next reading, and before anybody hears of it and asks.
    if (entry.kind === 'KEY') {
      keys.revoke(entry.keyId);
      void keys.reload().catch(() => undefined);
    }
    options.onRevocation(entry, isNew(entry, view, clockSkew));
  };
  const availability = createAvailability(
    logger,
    'Redis',
    'Tokens are checked by introspection until it is back, or refused.',
  );
  const link = openRedisLink({ source: redis, follows: usesView, availability, clock });
  const fleet = link.to(databaseId);
  const source = usesView
    ? fleet.join({ view, usesView, take, logger, tokenTtl: 0 })
    : createProbe(fleet.stream, fleet.epoch, clock);
  const stopSweeping = every(SWEEP_INTERVAL, () => {
    view.sweep();
    return Promise.resolve();
  });
  return {
    check: createCheck({
      source,
      records: fleet.records,
      lastResort,
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

/** Together they are current when each is: a token of any of them may come. */
function stateOf(states: readonly SourceState[]): SourceState {
  return {
    isCurrent: states.length > 0 && states.every(({ isCurrent }) => isCurrent),
    size: states.reduce((sum, { size }) => sum + size, 0),
    lag: Math.max(0, ...states.map(({ lag }) => lag)),
    reachesRedis: states.length > 0 && states.every(({ reachesRedis }) => reachesRedis === true),
  };
}

/**
 * Follows the log of each database whose keys the guard holds. Which one judges a token is decided by the id of the key that
 * verified it: another database under the same address has other keys, so it is followed, or asked by introspection, before
 * the first of its tokens is judged.
 */
export function createAttachments(options: AttachmentsOptions): Attachments {
  const { keys, lastResort, usesView, clock, clockSkew, logger, metrics } = options;
  const attached = new Map<string, Attachment>();
  const closing = new Set<Promise<void>>();
  let ignored = '';
  let closed = false;

  /** For tokens of a database that is not followed. */
  const checkElsewhere = createCheck({ source: noSource, lastResort, clock, clockSkew, metrics });

  const end = (databaseId: string, attachment: Attachment) => {
    // First out of the table: nothing is judged by it any more while it stops.
    attached.delete(databaseId);
    const ending: Promise<void> = attachment
      .close()
      .catch((error: unknown) => logger.error({ err: error }, 'A log of revocations could not be left.'))
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
        'The key set names too many databases: not all are followed.',
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
      await keys.reload().catch(() => undefined);
    }
    sync();
  });

  return {
    check(token, text) {
      const databaseId = databaseOf(token.keyId);
      // Its key has only just been read.
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
