import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../core/clock';
import { serviceUnavailable } from '../core/errors';
import { nextRun } from '../core/next-run';
import type { GenerateRefreshKey } from '../core/ports/tokens';
import type { StoredRefreshKey } from '../core/ports/truth';
import type { RefreshKey } from './refresh-token';
import type { Seal } from './sealing';

export interface RefreshKeyRingOptions {
  readonly list: () => Promise<readonly StoredRefreshKey[]>;
  readonly seal: Seal;
  readonly clock: Pick<Clock, 'monotonic'>;
}

/** ms between two reads that tokens with unknown keys cause, so that made-up ones cannot flood the database. */
const COOLDOWN = 500;

/** The largest number of a key: a token has two bytes for it. */
const LAST_ID = 65_535;

/** What a key is sealed as. */
export const refreshKeyContext = (id: number): string => `refresh key ${id}`;

/**
 * Generates the key after the existing ones, encrypted. Opens the last one first: a node that missed a change of SECRET
 * must not add a key that the other nodes cannot open.
 */
export const createRefreshKeyGenerator =
  (seal: Seal): GenerateRefreshKey =>
  (existing) => {
    const last = existing.at(-1);
    if (last) openRefreshKey(last, seal);
    const id = (last?.id ?? 0) + 1;
    if (id > LAST_ID) return undefined;
    return { id, sealedKey: seal.close(randomBytes(32).toString('base64url'), refreshKeyContext(id)) };
  };

/** Decrypts a key. Throws if it was encrypted with another SECRET. */
export const openRefreshKey = ({ id, sealedKey }: StoredRefreshKey, seal: Seal): RefreshKey => ({
  id,
  key: Buffer.from(seal.open(sealedKey, refreshKeyContext(id)), 'base64url'),
});

/** The keys that make refresh tokens and links, as this node knows them. */
export interface RefreshKeyRing {
  /** Reads the keys again. */
  readonly reload: () => Promise<void>;
  /** The key that makes new tokens. Throws if the database has none. */
  readonly newest: () => RefreshKey;
  /** Finds a key; reads the keys again for an unknown one. Throws `SERVICE_UNAVAILABLE` if it cannot be read. */
  readonly find: (id: number) => Promise<RefreshKey | undefined>;
}

/** Holds the keys of this node. A key is never forgotten here, even if its row cannot be decrypted any longer. */
class Keys {
  private readonly known = new Map<number, RefreshKey>();
  private readonly texts = new Map<number, string>();
  /** Those that were encrypted with another SECRET. */
  private locked: ReadonlySet<number> = new Set();
  newest: RefreshKey | undefined;

  constructor(private readonly seal: Seal) {}

  take(stored: readonly StoredRefreshKey[]): void {
    const locked = stored.filter((each) => this.texts.get(each.id) !== each.sealedKey && !this.open(each));
    this.locked = new Set(locked.map(({ id }) => id));
  }

  /** Returns a key. Throws `SERVICE_UNAVAILABLE` for one that only other nodes can decrypt. */
  get(id: number): RefreshKey | undefined {
    const key = this.known.get(id);
    if (!key && this.locked.has(id))
      throw serviceUnavailable(new Error('The refresh key is encrypted with another SECRET'));
    return key;
  }

  private open(stored: StoredRefreshKey): boolean {
    try {
      const key = openRefreshKey(stored, this.seal);
      this.known.set(key.id, key);
      this.texts.set(key.id, stored.sealedKey);
      if (key.id >= (this.newest?.id ?? 0)) this.newest = key;
      return true;
    } catch {
      // The seal of a running node logs it.
      return false;
    }
  }
}

export function createRefreshKeyRing({ list, seal, clock }: RefreshKeyRingOptions): RefreshKeyRing {
  const keys = new Keys(seal);
  let lastStarted = -Infinity;

  const reload = async () => keys.take(await list());

  const nextReading = nextRun(
    () => sleep(Math.max(0, lastStarted + COOLDOWN - clock.monotonic())),
    () => {
      lastStarted = clock.monotonic();
      return reload();
    },
  );

  return {
    reload,

    newest() {
      if (!keys.newest)
        throw new Error('The database has no refresh key. Start the server once to create one.');
      return keys.newest;
    },

    async find(id) {
      const known = keys.get(id);
      if (known) return known;
      await nextReading();
      return keys.get(id);
    },
  };
}
