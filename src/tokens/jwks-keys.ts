import { createPublicKey, type JsonWebKey } from 'node:crypto';
import type { Clock } from '../core/clock';
import { serviceUnavailable } from '../core/errors';
import type { Logger } from '../core/ports/logger';
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

/** ms between two readings that unknown ids cause, or failed ones. */
const COOLDOWN = 10_000;

/** ms that the server gets to answer. */
const TIMEOUT = 5000;

/** Bytes of a key set; no honest one comes near. */
const LONGEST_SET = 256 * 1024;

/**
 * The usable keys of a set: ES256 for signatures, with an id. Others are passed over (RFC 7517, section 5).
 */
export function readJwkSet(value: unknown): Map<string, VerifyingKey> {
  const { keys } = (value ?? {}) as { keys?: unknown };
  if (!Array.isArray(keys)) throw new Error('This is no JWK Set: it has no array "keys".');
  const usable = new Map<string, VerifyingKey>();
  for (const jwk of keys as Record<string, unknown>[]) {
    if (typeof jwk !== 'object' || typeof jwk.kid !== 'string' || jwk.kty !== 'EC' || jwk.crv !== 'P-256')
      continue;
    if ((jwk.alg ?? 'ES256') !== 'ES256' || (jwk.use ?? 'sig') !== 'sig' || 'd' in jwk) continue;
    usable.set(jwk.kid, {
      publicKey: createPublicKey({ key: jwk as JsonWebKey, format: 'jwk' }),
      revoked: false,
    });
  }
  return usable;
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
  readonly clock: Clock;
  readonly logger: Logger;
  /** ms between two readings that unknown ids cause; ten seconds if left out */
  readonly cooldown?: number;
}

/**
 * Keys by their URL: read in the background, one reading at a time, and kept while the server is away. An unknown id causes
 * a reading, as a key may be new, but not more often than the cool-down says: tokens that name made-up keys cannot be used
 * to hammer the server.
 */
export function createJwksKeys({ url, clock, logger, cooldown = COOLDOWN }: JwksOptions): JwksKeys {
  let keys: Map<string, VerifyingKey> | undefined;
  /** Kept though the server names them no more, so that a token of theirs is told apart from a forged one. */
  const revoked = new Map<string, VerifyingKey>();
  const find = (id: string) => revoked.get(id) ?? keys?.get(id);
  let reading: Promise<void> | undefined;
  let lastStarted = -Infinity;

  const read = async () => {
    const response = await fetch(url, {
      headers: { accept: 'application/jwk-set+json, application/json' },
      signal: AbortSignal.timeout(TIMEOUT),
      redirect: 'error',
    });
    if (!response.ok) throw new Error(`the answer was ${response.status}`);
    const text = await response.text();
    if (text.length > LONGEST_SET) throw new Error('the answer is too long');
    const next = readJwkSet(JSON.parse(text));
    const known = keys;
    // A key that stays is kept as it is: what was verified with it is remembered by it.
    keys = new Map([...next].map(([id, key]) => [id, sameKey(known?.get(id), key) ?? key]));
  };

  const reload = () =>
    (reading ??= (() => {
      lastStarted = clock.monotonic();
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
      if (reading) await reading.catch(() => undefined);
      else if (clock.monotonic() - lastStarted >= cooldown) await reload().catch(() => undefined);
      // Without any keys nothing can be told; with them, this one is none of them.
      if (!keys) throw serviceUnavailable(new Error('the keys of the auth server are not known yet'));
      return find(id);
    },
    stop: () => clearInterval(timer),
  };
}

const sameKey = (known: VerifyingKey | undefined, key: VerifyingKey) =>
  known?.publicKey.equals(key.publicKey) ? known : undefined;
