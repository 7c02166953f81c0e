import { createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { createAvailability } from '../core/availability';
import type { Clock } from '../core/clock';
import { serviceUnavailable } from '../core/errors';
import { databaseOf } from '../core/key-id';
import { hashInKeyId } from '../core/key-names';
import type { Logger } from '../core/ports/logger';
import type { HttpClient } from '../http-client/http-client';
import type { KeyRing, VerifyingKey } from './key-ring';

/** A JWK Set (RFC 7517, section 5), as far as it is read here. */
export interface JwkSet {
  readonly keys: readonly Readonly<Record<string, unknown>>[];
}

/** The public keys of an auth server, for a process that has nothing else of it. */
export interface JwksKeys extends Pick<KeyRing, 'held' | 'verifyingKey'> {
  /** The ids of the keys that are known now. */
  readonly ids: readonly string[];
  /** From now on what this key has signed is revoked, whether or not the server still names the key. */
  revoke(id: string): void;
  /** Reads them now; rejects with `SERVICE_UNAVAILABLE` when they can't be had. */
  reload(): Promise<void>;
  stop(): void;
}

/** ms between two readings that nobody has asked for. */
const REFRESH_INTERVAL = 300_000;

/** ms from one reading to the next that an unknown id may cause: one that the key set announced, and any other. */
const ANNOUNCED_COOLDOWN = 200;
const COOLDOWN = 1000;

/** ms that the server gets to answer. */
const TIMEOUT = 5000;

/**
 * The usable keys of a set: ES256 for signatures, with an id. Others are passed over (RFC 7517, section 5).
 */
export function readJwkSet(value: unknown): Map<string, VerifyingKey> {
  const { keys } = (value ?? {}) as { keys?: unknown };
  if (!Array.isArray(keys)) throw new Error('This is no JWK Set: it has no array "keys".');
  const usable = new Map<string, VerifyingKey>();
  for (const jwk of keys as (Record<string, unknown> | null)[]) {
    if (typeof jwk?.kid !== 'string' || jwk.kty !== 'EC' || jwk.crv !== 'P-256') continue;
    if ((jwk.alg ?? 'ES256') !== 'ES256' || (jwk.use ?? 'sig') !== 'sig' || 'd' in jwk) continue;
    const publicKey = publicKeyOf(jwk);
    if (publicKey) usable.set(jwk.kid, { publicKey, revoked: false });
  }
  return usable;
}

/** Hashes of the names of keys to come, where a set announces them. */
function announcedIn(set: unknown): ReadonlySet<unknown> {
  const next = (set as { tokenfence?: { next?: unknown } | null }).tokenfence?.next;
  return new Set(Array.isArray(next) ? (next as unknown[]) : []);
}

/** When the set was made, in ms by the clock of its server: what a cache kept is older than the answer. */
function timeOf({ date, age }: IncomingHttpHeaders, askedAt: number): number {
  const kept = Number(age ?? 0) * 1000;
  const madeAt = Date.parse(date ?? '');
  const atMost = askedAt - (kept > 0 ? kept : 0);
  return madeAt < atMost ? madeAt : atMost;
}

/** Nothing for one that is no point on the curve. */
function publicKeyOf(jwk: Record<string, unknown>): KeyObject | undefined {
  try {
    return createPublicKey({ key: jwk as JsonWebKey, format: 'jwk' });
  } catch {
    return undefined;
  }
}

/** Keys that were given once and for all. */
export function createFixedKeys(set: JwkSet): JwksKeys {
  const keys = readJwkSet(set);
  return {
    ids: [...keys.keys()],
    held: (id) => keys.get(id),
    verifyingKey: (id) => Promise.resolve(keys.get(id)),
    revoke(id) {
      const key = keys.get(id);
      if (key) keys.set(id, { ...key, revoked: true });
    },
    reload: () => Promise.resolve(),
    stop: () => undefined,
  };
}

export interface JwksOptions {
  readonly url: string;
  readonly http: Pick<HttpClient, 'ask'>;
  readonly clock: Clock;
  /** ms that the clocks may differ by */
  readonly clockSkew: number;
  readonly logger: Logger;
}

/** A key set, as it was read. */
interface Reading {
  readonly keys: ReadonlyMap<string, VerifyingKey>;
  /** Hashes of the names of keys to come. */
  readonly announced: ReadonlySet<unknown>;
  readonly madeAt: number;
}

/**
 * Keys by their URL: read in the background, one reading at a time, and kept while the server is away.
 *
 * A token may name a key that is newer than the set. Then its id has a hash that the set announced: the set is read at once,
 * and until it names the key nothing can be told of the token. Every other id that the set lacks was made up, if the set is
 * not older than the token. It causes one reading a second at most, as the server may have another database by now. An id
 * that names another database waits for that reading.
 */
export function createJwksKeys({ url, http, clock, clockSkew, logger }: JwksOptions): JwksKeys {
  let last: Reading | undefined;
  /** Kept though the server names them no more, so that a token of theirs is told apart from a forged one. */
  const revoked = new Map<string, VerifyingKey>();
  const find = (id: string) => revoked.get(id) ?? last?.keys.get(id);
  let reading: Promise<void> | undefined;
  let coming: Promise<void> | undefined;
  let lastStarted = -Infinity;
  const availability = createAvailability(logger, 'The key set', 'The keys that are known stay in use.');

  const read = async () => {
    lastStarted = clock.monotonic();
    const askedAt = clock.now();
    const { text, headers } = await http.ask(url, {
      // What a cache has kept may lack the very key that is looked for.
      headers: { accept: 'application/jwk-set+json, application/json', 'cache-control': 'no-cache' },
      timeout: TIMEOUT,
    });
    const set: unknown = JSON.parse(text);
    // A key that stays is kept as it is: what was verified with it is remembered by it.
    const keys = [...readJwkSet(set)].map(
      ([id, key]) => [id, sameKey(last?.keys.get(id), key) ?? key] as const,
    );
    last = { keys: new Map(keys), madeAt: timeOf(headers, askedAt), announced: announcedIn(set) };
  };

  const reload = () =>
    (reading ??= (() =>
      read()
        .then(
          () => availability.worked(),
          (error: unknown) => {
            availability.failed(error instanceof Error ? error.message : 'unknown');
            throw serviceUnavailable(error);
          },
        )
        .finally(() => (reading = undefined)))());

  const isAnnounced = (id: string) =>
    last !== undefined && last.announced.size > 0 && last.announced.has(hashInKeyId(id));

  const isOfAnotherDatabase = (id: string) => {
    const databaseId = databaseOf(id);
    return (
      databaseId !== undefined &&
      ![...(last?.keys.keys() ?? [])].some((key) => databaseOf(key) === databaseId)
    );
  };

  /** The next one that an unannounced id may cause, shared by all that wait for it. */
  const nextReading = () =>
    (coming ??= sleep(Math.max(0, lastStarted + COOLDOWN - clock.monotonic())).then(() => {
      coming = undefined;
      return reload();
    }));

  const mayRead = (id: string) =>
    clock.monotonic() - lastStarted >= (isAnnounced(id) ? ANNOUNCED_COOLDOWN : COOLDOWN);

  /** Whether the set names every key that may have signed a token of that time: else it is too old to tell. */
  const isComplete = (id: string, issuedAt: number): boolean => {
    if (!last || isAnnounced(id)) return false;
    // One that announces what comes tells of tokens that are a little newer as well, as far as clocks differ.
    const slack = last.announced.size > 0 ? 2 * clockSkew : -clockSkew;
    return issuedAt * 1000 <= last.madeAt + slack;
  };

  const timer = setInterval(() => void reload().catch(() => undefined), REFRESH_INTERVAL).unref();

  return {
    get ids() {
      return [...(last?.keys.keys() ?? [])];
    },
    held: find,
    revoke(id) {
      const key = last?.keys.get(id);
      if (key) revoked.set(id, { ...key, revoked: true });
    },
    reload,
    async verifyingKey(id, issuedAt) {
      const known = find(id);
      if (known) return known;
      // Older than the set by any clock, or named by nothing that was read: not worth a question.
      if (last && issuedAt * 1000 + clockSkew < last.madeAt && !isAnnounced(id)) return undefined;
      // One that is under way may have begun before there was the key: that it brings none tells nothing yet.
      if (reading) await reading.catch(() => undefined);
      if (!find(id) && (reading || mayRead(id))) await reload().catch(() => undefined);
      else if (!find(id) && isOfAnotherDatabase(id)) await nextReading().catch(() => undefined);
      const found = find(id);
      if (!found && !isComplete(id, issuedAt))
        throw serviceUnavailable(new Error('the key set is older than the token'));
      return found;
    },
    stop: () => clearInterval(timer),
  };
}

const sameKey = (known: VerifyingKey | undefined, key: VerifyingKey) =>
  known?.publicKey.equals(key.publicKey) ? known : undefined;
