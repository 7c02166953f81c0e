import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Clock, elapsedSince, type Moment, momentOf } from '../core/clock';
import type { StoredSigningKey } from '../core/account';
import { databaseOf, localIdOf } from '../core/key-id';
import { hashOfKeyName } from '../core/key-names';
import { nextRun } from '../core/next-run';
import type { PublicJwk, PublishedKeys } from '../core/ports/tokens';
import type { Seal } from './sealing';

/** A public key that verifies tokens. */
export interface VerifyingKey {
  readonly publicKey: KeyObject;
  readonly revoked: boolean;
}

/** The signing keys of the auth server, read from the database. */
export interface KeyRing extends PublishedKeys {
  /** Returns a known key, if the keys were read less than `maxAge` ago. */
  held(id: string): VerifyingKey | undefined;
  /**
   * Returns a key. For an unknown id it reads the keys again: another node may have created it just now. These reads
   * are shared and start at most every `cooldown` ms, so that made-up ids cannot flood the database.
   *
   * @param issuedAt the token's `iat` in s, not yet verified
   */
  verifyingKey(id: string, issuedAt: number): Promise<VerifyingKey | undefined>;
  signingKey(id: string): Promise<KeyObject>;
}

interface Entry extends VerifyingKey {
  readonly jwk: PublicJwk;
  readonly stored: StoredSigningKey;
  /** Decrypted at first use: most keys are retired and never sign again. */
  privateKey?: KeyObject;
}

export interface KeyRingSources {
  readonly list: () => Promise<StoredSigningKey[]>;
  /** Reads the names of future keys. Default: none. */
  readonly names?: () => Promise<readonly string[]>;
  readonly seal: Seal;
  /** ms between two reads caused by unknown ids. */
  readonly cooldown?: number;
  /** ms after which the keys must be read again before use. */
  readonly maxAge: number;
  readonly clock: Clock;
}

function toEntry(stored: StoredSigningKey): Entry {
  const publicKey = createPublicKey(stored.publicKey);
  const jwk = { ...publicKey.export({ format: 'jwk' }), kid: stored.id, alg: stored.algorithm, use: 'sig' };
  return { publicKey, revoked: stored.revokedAt !== undefined, stored, jwk: jwk as unknown as PublicJwk };
}

/** ms for which the published key set is served without a new read. */
const PUBLISHED_FOR = 1000;

export function createKeyRing({ list, names, seal, cooldown = 500, maxAge, clock }: KeyRingSources): KeyRing {
  let entries = new Map<string, Entry>();
  let localIds = new Map<string, Entry>();
  let next: readonly string[] = [];
  let lastStarted = 0;
  let lastRead: Moment | undefined;

  const reload = async () => {
    const startedAt = momentOf(clock);
    // Names first: a name taken between the two reads then belongs to a listed key.
    const upcoming = names ? await names() : [];
    const stored = await list();
    // A read that began later has finished already, and may know a newer key.
    if (lastRead && startedAt.monotonic < lastRead.monotonic) return;
    lastRead = startedAt;
    next = upcoming.map(hashOfKeyName);
    // Reuses parsed keys: nothing about a key changes but its revocation.
    const known = (key: StoredSigningKey) => (key.revokedAt === undefined ? entries.get(key.id) : undefined);
    entries = new Map(stored.map((key) => [key.id, known(key) ?? toEntry(key)]));
    localIds = new Map([...entries].map(([id, entry]) => [localIdOf(id), entry]));
  };

  const nextReading = nextRun(
    () => sleep(Math.max(0, lastStarted + cooldown - clock.monotonic())),
    () => {
      lastStarted = clock.monotonic();
      return reload();
    },
  );

  const age = () => (lastRead ? elapsedSince(lastRead, clock) : Infinity);
  const held = (id: string) => (age() < maxAge ? entries.get(id) : undefined);

  /**
   * Finds a key by its id from before the database got a new id. It counts as revoked, because revocations from before
   * are not known everywhere. Its tokens are still ours, so their owners may refresh.
   */
  const renamed = (id: string): VerifyingKey | undefined => {
    const isNamed = databaseOf(id) !== undefined && age() < maxAge;
    const entry = isNamed ? localIds.get(localIdOf(id)) : undefined;
    return entry && { publicKey: entry.publicKey, revoked: true };
  };

  return {
    reload,
    held,

    async verifyingKey(id) {
      const known = held(id) ?? renamed(id);
      if (known) return known;
      await nextReading();
      return entries.get(id) ?? renamed(id);
    },

    async keySet(fresh = false) {
      if (fresh || age() > PUBLISHED_FOR) await nextReading().catch(() => undefined);
      const usable = [...entries.values()].filter((entry) => !entry.revoked);
      return { keys: usable.map((entry) => entry.jwk), next };
    },

    async signingKey(id) {
      if (!held(id)) await nextReading();
      const entry = entries.get(id);
      if (!entry) throw new Error('The signing key that the database names is not in the database.');
      return (entry.privateKey ??= createPrivateKey(seal.open(entry.stored.sealedPrivateKey, localIdOf(id))));
    },
  };
}
