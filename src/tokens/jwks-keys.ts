import { createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto';
import type { Clock } from '../core/clock';
import { serviceUnavailable } from '../core/errors';
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

/** How many readings unknown ids may cause, and in how many ms. */
const MOST_READINGS = 3;
const COOLDOWN = 10_000;

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
  readonly logger: Logger;
  /** ms in which unknown ids cause three readings at most; ten seconds if left out */
  readonly cooldown?: number;
}

/**
 * Keys by their URL: read in the background, one reading at a time, and kept while the server is away. An unknown id causes
 * a reading, as a key may be new, but no more than a few in a while: tokens that name made-up keys cannot be used to hammer
 * the server. What is unknown then cannot be told: that it is none of the keys takes a reading to say.
 */
export function createJwksKeys({ url, http, clock, logger, cooldown = COOLDOWN }: JwksOptions): JwksKeys {
  let keys: Map<string, VerifyingKey> | undefined;
  /** Kept though the server names them no more, so that a token of theirs is told apart from a forged one. */
  const revoked = new Map<string, VerifyingKey>();
  const find = (id: string) => revoked.get(id) ?? keys?.get(id);
  let reading: Promise<void> | undefined;
  let started: number[] = [];

  const read = async () => {
    const { text } = await http.ask(url, {
      headers: { accept: 'application/jwk-set+json, application/json' },
      timeout: TIMEOUT,
    });
    const next = readJwkSet(JSON.parse(text));
    const known = keys;
    // A key that stays is kept as it is: what was verified with it is remembered by it.
    keys = new Map([...next].map(([id, key]) => [id, sameKey(known?.get(id), key) ?? key]));
  };

  const reload = () =>
    (reading ??= (() => {
      started.push(clock.monotonic());
      return read()
        .catch((error: unknown) => {
          logger.warn(
            { reason: error instanceof Error ? error.message : 'unknown' },
            'The keys of the auth server could not be read. Those that are known stay in use.',
          );
          throw serviceUnavailable(error);
        })
        .finally(() => (reading = undefined));
    })());

  const mayRead = () => {
    const now = clock.monotonic();
    started = started.filter((at) => now - at < cooldown);
    return started.length < MOST_READINGS;
  };

  const timer = setInterval(() => void reload().catch(() => undefined), REFRESH_INTERVAL).unref();

  return {
    get ids() {
      return [...(keys?.keys() ?? [])];
    },
    held: find,
    revoke(id) {
      const key = keys?.get(id);
      if (key) revoked.set(id, { ...key, revoked: true });
    },
    reload,
    async verifyingKey(id) {
      const known = find(id);
      if (known) return known;
      if (reading) {
        // It may have begun before there was the key: that it brings none tells nothing yet.
        await reading.catch(() => undefined);
        const found = find(id);
        if (found) return found;
      }
      if (!reading && !mayRead()) throw serviceUnavailable(new Error('the keys were read too often'));
      await reload();
      return find(id);
    },
    stop: () => clearInterval(timer),
  };
}

const sameKey = (known: VerifyingKey | undefined, key: VerifyingKey) =>
  known?.publicKey.equals(key.publicKey) ? known : undefined;
