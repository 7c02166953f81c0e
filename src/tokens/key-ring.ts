import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { type Clock, elapsedSince, type Moment, momentOf } from '../core/clock';
import type { StoredSigningKey } from '../core/account';
import { databaseOf, thumbprintOf } from '../core/key-id';
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
   */
  verifyingKey(id: string): Promise<VerifyingKey | undefined>;
  signingKey(id: string): Promise<KeyObject>;
}

interface Entry extends VerifyingKey {
  readonly jwk: PublicJwk;
  readonly stored: StoredSigningKey;
  privateKey?: KeyObject;
}

export interface KeyRingSources {
  readonly list: () => Promise<StoredSigningKey[]>;
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

export function createKeyRing({ list, seal, cooldown = 500, maxAge, clock }: KeyRingSources): KeyRing {
  let entries = new Map<string, Entry>();
  let thumbprints = new Map<string, Entry>();
  let lastStarted = 0;
  let lastRead: Moment | undefined;
  let next: Promise<void> | undefined;

  const reload = async () => {
    const startedAt = momentOf(clock);
    const stored = await list();
    // Overtaken by a reading that began later, and may know of a key that this one does not.
    if (lastRead && startedAt.monotonic < lastRead.monotonic) return;
    lastRead = startedAt;
    // Only its revocation changes what a key is good for; otherwise what was made of it before will do.
    const known = (key: StoredSigningKey) => (key.revokedAt === undefined ? entries.get(key.id) : undefined);
    entries = new Map(stored.map((key) => [key.id, known(key) ?? toEntry(key)]));
    thumbprints = new Map([...entries].map(([id, entry]) => [thumbprintOf(id), entry]));
  };

  /** A reading that starts after this call, shared by all who ask before it starts. */
  const nextReading = () =>
    (next ??= new Promise<void>((resolve) => {
      setTimeout(resolve, Math.max(0, lastStarted + cooldown - clock.monotonic()));
    }).then(() => {
      next = undefined;
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
    const entry = isNamed ? thumbprints.get(thumbprintOf(id)) : undefined;
    return entry && { publicKey: entry.publicKey, revoked: true };
  };

  const find = async (id: string): Promise<VerifyingKey | undefined> => {
    const known = held(id) ?? renamed(id);
    if (known) return known;
    await nextReading();
    return entries.get(id) ?? renamed(id);
  };

  return {
    reload,
    held,
    async publicKeys() {
      if (age() > PUBLISHED_FOR) await nextReading().catch(() => undefined);
      return [...entries.values()].filter((entry) => !entry.revoked).map((entry) => entry.jwk);
    },
    verifyingKey: find,

    async signingKey(id) {
      if (!held(id)) await nextReading();
      const entry = entries.get(id);
      if (!entry) throw new Error('The signing key that the database names is not in the database.');
      return (entry.privateKey ??= createPrivateKey(
        seal.open(entry.stored.sealedPrivateKey, thumbprintOf(id)),
      ));
    },
  };
}
