import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { type Clock, elapsedSince, type Moment, momentOf } from '../core/clock';
import type { StoredSigningKey } from '../core/account';
import { databaseOf, localIdOf } from '../core/key-id';
import { hashOfKeyName } from '../core/key-names';
import type { PublicJwk, PublishedKeys } from '../core/ports/tokens';
import type { Seal } from './sealing';

/** A key that verifies; only `privateKey` is asked for late, as most keys here are retired and never sign again. */
export interface VerifyingKey {
  readonly publicKey: KeyObject;
  readonly revoked: boolean;
}

export interface KeyRing extends PublishedKeys {
  /** The key of that id if it is known, and not too long since it was read. */
  held(id: string): VerifyingKey | undefined;
  /**
   * The key of that id, read again when it is not known: another node may have made it a moment ago. Unknown ids
   * cannot be used to hammer the database: such readings are shared, and start at most every `cooldown` ms.
   *
   * @param issuedAt the `iat` of the token that names it, in s: read from the token, and proven by nothing yet
   */
  verifyingKey(id: string, issuedAt: number): Promise<VerifyingKey | undefined>;
  signingKey(id: string): Promise<KeyObject>;
}

interface Entry extends VerifyingKey {
  readonly jwk: PublicJwk;
  readonly stored: StoredSigningKey;
  privateKey?: KeyObject;
}

export interface KeyRingSources {
  readonly list: () => Promise<StoredSigningKey[]>;
  /** The names of the keys to come; none if left out */
  readonly names?: () => Promise<readonly string[]>;
  readonly seal: Seal;
  /** ms between two readings that unknown ids cause */
  readonly cooldown?: number;
  /** ms past which the keys must be read again before one of them is believed */
  readonly maxAge: number;
  readonly clock: Clock;
}

function toEntry(stored: StoredSigningKey): Entry {
  const publicKey = createPublicKey(stored.publicKey);
  const jwk = { ...publicKey.export({ format: 'jwk' }), kid: stored.id, alg: stored.algorithm, use: 'sig' };
  return { publicKey, revoked: stored.revokedAt !== undefined, stored, jwk: jwk as unknown as PublicJwk };
}

/** ms that the public keys are answered without being read again. */
const PUBLISHED_FOR = 1000;

export function createKeyRing({ list, names, seal, cooldown = 500, maxAge, clock }: KeyRingSources): KeyRing {
  let entries = new Map<string, Entry>();
  let localIds = new Map<string, Entry>();
  let next: readonly string[] = [];
  let lastStarted = 0;
  let lastRead: Moment | undefined;
  let coming: Promise<void> | undefined;

  const reload = async () => {
    const startedAt = momentOf(clock);
    // Before the keys: a name that is taken meanwhile is then that of a key that is listed, never of one that is not.
    const upcoming = names ? await names() : [];
    const stored = await list();
    // Overtaken by a reading that began later, and may know of a key that this one does not.
    if (lastRead && startedAt.monotonic < lastRead.monotonic) return;
    lastRead = startedAt;
    next = upcoming.map(hashOfKeyName);
    // Only its revocation changes what a key is good for; otherwise what was made of it before will do.
    const known = (key: StoredSigningKey) => (key.revokedAt === undefined ? entries.get(key.id) : undefined);
    entries = new Map(stored.map((key) => [key.id, known(key) ?? toEntry(key)]));
    localIds = new Map([...entries].map(([id, entry]) => [localIdOf(id), entry]));
  };

  /** A reading that starts after this call, shared by all who ask before it starts. */
  const nextReading = () =>
    (coming ??= new Promise<void>((resolve) => {
      setTimeout(resolve, Math.max(0, lastStarted + cooldown - clock.monotonic()));
    }).then(() => {
      coming = undefined;
      lastStarted = clock.monotonic();
      return reload();
    }));

  const age = () => (lastRead ? elapsedSince(lastRead, clock) : Infinity);
  const held = (id: string) => (age() < maxAge ? entries.get(id) : undefined);

  /**
   * A key of ours, named as it was before the database was given another id. What it signed then is over, as revocations from
   * before are no longer known everywhere; but it was signed by us, so its owner may refresh.
   */
  const renamed = (id: string): VerifyingKey | undefined => {
    const isNamed = databaseOf(id) !== undefined && age() < maxAge;
    const entry = isNamed ? localIds.get(localIdOf(id)) : undefined;
    return entry && { publicKey: entry.publicKey, revoked: true };
  };

  const find = async (id: string): Promise<VerifyingKey | undefined> => {
    const known = held(id) ?? renamed(id);
    if (known) return known;
    await nextReading();
    return entries.get(id) ?? renamed(id);
  };

  const keySet = async (fresh = false) => {
    if (fresh || age() > PUBLISHED_FOR) await nextReading().catch(() => undefined);
    const usable = [...entries.values()].filter((entry) => !entry.revoked);
    return { keys: usable.map((entry) => entry.jwk), next };
  };

  return {
    reload,
    held,
    publicKeys: async () => (await keySet()).keys,
    keySet,
    verifyingKey: find,

    async signingKey(id) {
      if (!held(id)) await nextReading();
      const entry = entries.get(id);
      if (!entry) throw new Error('The signing key that the database names is not in the database.');
      return (entry.privateKey ??= createPrivateKey(seal.open(entry.stored.sealedPrivateKey, localIdOf(id))));
    },
  };
}
