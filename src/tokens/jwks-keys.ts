import { createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { createAvailability } from '../core/availability';
import type { Clock } from '../core/clock';
import { serviceUnavailable } from '../core/errors';
import { databaseOf } from '../core/key-id';
import { hashInKeyId } from '../core/key-names';
import { nextRun } from '../core/next-run';
import type { Logger } from '../core/ports/logger';
import type { HttpClient } from '../http-client/http-client';
import type { KeyRing, VerifyingKey } from './key-ring';

/** The public keys of an auth server, as a service knows them. */
export interface JwksKeys extends Pick<KeyRing, 'held' | 'verifyingKey'> {
  /** The ids of the known keys. */
  readonly ids: readonly string[];
  /** Revokes all tokens of this key from now on, even if the server still publishes it. */
  revoke(id: string): void;
  /** Reads the keys now. If that fails, it is logged and the known keys stay in use. */
  reload(): Promise<void>;
  stop(): void;
}

/** ms between two reads in the background. */
const REFRESH_INTERVAL = 300_000;

/** ms between two reads caused by unknown ids: ids that the set announced, and all others. */
const ANNOUNCED_COOLDOWN = 200;
const COOLDOWN = 1000;

/** ms that a read may take. */
const TIMEOUT = 5000;

/** Returns undefined for coordinates that are not on the curve. */
function publicKeyOf(jwk: Record<string, unknown>): KeyObject | undefined {
  try {
    return createPublicKey({ key: jwk as JsonWebKey, format: 'jwk' });
  } catch {
    return undefined;
  }
}

/** Reads the usable keys of a set: ES256 signing keys with an id. Others are ignored (RFC 7517, section 5). */
export function readJwkSet(value: unknown): Map<string, VerifyingKey> {
  const { keys } = (value ?? {}) as { keys?: unknown };
  if (!Array.isArray(keys)) throw new Error('Not a JWK Set: it has no array "keys".');
  const usable = new Map<string, VerifyingKey>();
  for (const jwk of keys as (Record<string, unknown> | null)[]) {
    if (typeof jwk?.kid !== 'string' || jwk.kty !== 'EC' || jwk.crv !== 'P-256') continue;
    if ((jwk.alg ?? 'ES256') !== 'ES256' || (jwk.use ?? 'sig') !== 'sig' || 'd' in jwk) continue;
    const publicKey = publicKeyOf(jwk);
    if (publicKey) usable.set(jwk.kid, { publicKey, revoked: false });
  }
  return usable;
}

/** Creates keys from a JWK Set (RFC 7517, section 5) that never changes. */
export function createFixedKeys(set: object): JwksKeys {
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
  /** ms by which clocks may differ. */
  readonly clockSkew: number;
  readonly logger: Logger;
}

/** One read of the key set. */
interface Reading {
  readonly keys: ReadonlyMap<string, VerifyingKey>;
  /** Hashes of the names of future keys. */
  readonly announced: ReadonlySet<unknown>;
  /** ms, see `timeOf`. */
  readonly madeAt: number;
}

const NOTHING_READ: Reading = { keys: new Map(), announced: new Set(), madeAt: -Infinity };

/** Returns the hashes of the names of future keys that a set announces. */
function announcedIn(set: unknown): ReadonlySet<unknown> {
  const next = (set as { tokenfence?: { next?: unknown } | null }).tokenfence?.next;
  return new Set(Array.isArray(next) ? (next as unknown[]) : []);
}

/** Returns when the set was made, in ms by the server's clock. A cached set is older than its response. */
function timeOf({ date, age }: IncomingHttpHeaders, askedAt: number): number {
  const kept = Number(age ?? 0) * 1000;
  const madeAt = Date.parse(date ?? '');
  const atMost = askedAt - (kept > 0 ? kept : 0);
  return madeAt < atMost ? madeAt : atMost;
}

async function read({ url, http, clock }: JwksOptions, known: Reading['keys']): Promise<Reading> {
  const askedAt = clock.now();
  const { text, headers } = await http.ask(url, {
    // A cached set may lack the key that is looked for.
    headers: { accept: 'application/jwk-set+json, application/json', 'cache-control': 'no-cache' },
    timeout: TIMEOUT,
  });
  const set: unknown = JSON.parse(text);
  const keys = readJwkSet(set);
  for (const [id, { publicKey }] of keys) {
    const before = known.get(id);
    // An unchanged key keeps its object, which the verifier's cache compares.
    if (before?.publicKey.equals(publicKey)) keys.set(id, before);
  }
  return { keys, announced: announcedIn(set), madeAt: timeOf(headers, askedAt) };
}

const isAnnounced = ({ announced }: Reading, id: string) =>
  announced.size > 0 && announced.has(hashInKeyId(id));

function isOfAnotherDatabase({ keys }: Reading, id: string): boolean {
  const databaseId = databaseOf(id);
  return databaseId !== undefined && ![...keys.keys()].some((key) => databaseOf(key) === databaseId);
}

/** Whether the set is new enough to contain every key that may have signed a token of that time. */
function isComplete(reading: Reading, id: string, issuedAt: number, clockSkew: number): boolean {
  if (isAnnounced(reading, id)) return false;
  // A set with announcements also covers tokens that are newer by the clock difference.
  const slack = reading.announced.size > 0 ? 2 * clockSkew : -clockSkew;
  return issuedAt * 1000 <= reading.madeAt + slack;
}

/**
 * Creates keys that are read from a URL in the background, one read at a time, and kept while the server is away.
 *
 * A token may name a key that is newer than the set. If the set announced the id, it is read again at once; until it has
 * the key, the token cannot be checked. Any other unknown id is made up, unless the set is older than the token. Such
 * ids cause at most one read a second, because the server's database may have been replaced. An id of another database
 * waits for that read.
 */
export function createJwksKeys(options: JwksOptions): JwksKeys {
  const { clock, clockSkew, logger } = options;
  const availability = createAvailability(logger, 'The key set', 'Known keys stay in use.');
  let last = NOTHING_READ;
  let lastStarted = -Infinity;
  let reading: Promise<void> | undefined;
  /** Kept after the server drops them: their tokens are revoked, not forged. */
  const revoked = new Map<string, VerifyingKey>();
  const find = (id: string) => revoked.get(id) ?? last.keys.get(id);

  const readOnce = async () => {
    try {
      lastStarted = clock.monotonic();
      last = await read(options, last.keys);
      availability.worked();
    } catch (error) {
      availability.failed(error instanceof Error ? error.message : 'unknown');
    }
  };
  const reload = () => (reading ??= readOnce().finally(() => (reading = undefined)));

  const mayRead = (id: string) =>
    clock.monotonic() - lastStarted >= (isAnnounced(last, id) ? ANNOUNCED_COOLDOWN : COOLDOWN);

  const nextReading = nextRun(() => sleep(Math.max(0, lastStarted + COOLDOWN - clock.monotonic())), reload);

  const timer = setInterval(() => void reload(), REFRESH_INTERVAL).unref();

  return {
    get ids() {
      return [...last.keys.keys()];
    },
    held: find,
    revoke(id) {
      const key = last.keys.get(id);
      if (key) revoked.set(id, { ...key, revoked: true });
    },
    reload,
    async verifyingKey(id, issuedAt) {
      const known = find(id);
      if (known) return known;
      // The set is newer than the token by any clock, and did not announce the id: the key is made up.
      if (issuedAt * 1000 + clockSkew < last.madeAt && !isAnnounced(last, id)) return undefined;
      // A read under way may have begun before the key existed, so its result proves nothing.
      if (reading) await reading;
      if (!find(id) && (reading || mayRead(id))) await reload();
      else if (!find(id) && isOfAnotherDatabase(last, id)) await nextReading();
      const found = find(id);
      if (!found && !isComplete(last, id, issuedAt, clockSkew))
        throw serviceUnavailable(new Error('the key set is older than the token'));
      return found;
    },
    stop: () => clearInterval(timer),
  };
}
