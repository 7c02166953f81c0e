import type { SigningKey } from '../core/account';
import type { Tables } from '../core/ports/truth';
import type { Receipt } from '../core/receipt';
import type { Principal } from '../guard/guard';
import { type Client, originOf } from './client';
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
 */
export const rotateSigningKey =
  ({ truth, revoker, keys, generateKey }: Dependencies) =>
  async (admin: Principal, revokeOld: boolean, client: Client): Promise<Rotation> => {
    const by = { actorId: admin.userId, ...originOf(client) };

    const rotate = async (tables: Tables, lead: number): Promise<Rotation> => {
      const { signingKeys, audit } = tables;
      const key = await signingKeys.insert(generateKey(await signingKeys.takeName()));
      const signsFrom = lead > 0 ? await signingKeys.signLater(key.id, lead) : await signingKeys.sign(key.id);
      const reason = `The new key is ${key.id}. It signs from ${signsFrom.toISOString()} on.`;
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
    await keys.reload().catch(() => undefined);
    return rotation;
  };
