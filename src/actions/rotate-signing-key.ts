import type { SigningKey } from '../core/account';
import type { Tables } from '../core/ports/truth';
import type { Receipt } from '../core/receipt';
import { type Actor, type ActorClient, originOf } from './client';
import type { Dependencies } from './dependencies';

/** ms that a key is published before it signs. Guards read the key set every 5 minutes, and caches keep it for one. */
const LEAD = 15 * 60_000;

export interface Rotation {
  readonly key: SigningKey;
  readonly signsFrom: Date;
  readonly receipt?: Receipt;
}

/**
 * Publishes a new key, which signs from a later time on. Until then, further calls return the same key. Old keys verify
 * until their last token has expired.
 *
 * With `revokeOld`, the new key signs at once, and all others are revoked with every token they signed. Sessions
 * continue: a refresh gets new tokens.
 *
 * Also adds a key for new refresh tokens. Those of the keys before are still exchanged. Each node uses the new key when
 * it reads the keys: within 30 s, or at once when it meets a token of it.
 */
export const rotateSigningKey =
  ({ truth, revoker, keys, refreshTokens, generateKey, generateRefreshKey }: Dependencies) =>
  async (admin: Actor, revokeOld: boolean, client: ActorClient): Promise<Rotation> => {
    const by = { actorId: admin.userId, ...originOf(client) };

    const rotate = async (tables: Tables, lead: number): Promise<Rotation> => {
      const { signingKeys, refreshKeys, audit } = tables;
      const key = await signingKeys.insert(generateKey(await signingKeys.takeName()));
      const signsFrom = lead > 0 ? await signingKeys.signLater(key.id, lead) : await signingKeys.sign(key.id);
      // The lock on the fleet gives each number once.
      const refreshKey = generateRefreshKey(await refreshKeys.list());
      if (refreshKey) await refreshKeys.insert(refreshKey);
      const reason =
        `The new key is ${key.id}. It signs from ${signsFrom.toISOString()} on.` +
        (refreshKey ? ` The new refresh key is number ${refreshKey.id}.` : '');
      await audit.append({ ...by, type: 'SIGNING_KEY_ROTATED', reason });
      return { key, signsFrom };
    };

    const publishedBefore = async (tables: Tables): Promise<Rotation | undefined> => {
      const { nextKey } = await tables.fleet.lock();
      const key = nextKey && (await tables.signingKeys.list()).find(({ id }) => id === nextKey.id);
      return key && { key, signsFrom: nextKey.signsFrom };
    };

    const publish = () =>
      truth.transaction(async (tables) => (await publishedBefore(tables)) ?? (await rotate(tables, LEAD)));

    const replaceAll = async (): Promise<Rotation> => {
      const { result, receipt } = await revoker.revoke(
        { scope: 'KEYS' },
        { ...by, type: 'SIGNING_KEY_REVOKED' },
        {
          before: (tables) => tables.fleet.lock().then(() => undefined),
          then: (tables) => rotate(tables, 0),
        },
      );
      return { ...result, receipt };
    };

    const rotation = await (revokeOld ? replaceAll() : publish());
    // May fail: the change is committed, and this node reads the keys again soon.
    await Promise.all([keys.reload(), refreshTokens.reload()]).catch(() => undefined);
    return rotation;
  };
