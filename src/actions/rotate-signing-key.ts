import type { SigningKey } from '../core/account';
import type { Tables } from '../core/ports/truth';
import type { Receipt } from '../core/receipt';
import type { Principal } from '../guard/guard';
import { type Client, originOf } from './client';
import type { Dependencies } from './dependencies';

/**
 * Makes a new key that signs from now on. The old ones verify until their last token has expired or, with `revokeOld`,
 * are dropped at once with every token that they signed; sessions live on and get new tokens by a refresh.
 */
export const rotateSigningKey =
  ({ truth, revoker, keys, generateKey }: Dependencies) =>
  async (
    admin: Principal,
    revokeOld: boolean,
    client: Client,
  ): Promise<{ key: SigningKey; receipt?: Receipt }> => {
    const made = generateKey();
    const by = { actorId: admin.userId, ...originOf(client) };

    const rotate = async (tables: Tables) => {
      const key = await tables.signingKeys.insert(made);
      await tables.signingKeys.sign(key.id);
      await tables.audit.append({ ...by, type: 'SIGNING_KEY_ROTATED', reason: `The new key is ${key.id}.` });
      return key;
    };

    // What is committed is done, whether or not this node can read it back at once; it does so soon anyway.
    const readAgain = () => keys.reload().catch(() => undefined);

    if (!revokeOld) {
      const key = await truth.transaction(async (tables) => {
        await tables.fleet.lock();
        return rotate(tables);
      });
      await readAgain();
      return { key };
    }

    const { result: key, receipt } = await revoker.revoke(
      { scope: 'KEYS' },
      { ...by, type: 'SIGNING_KEY_REVOKED' },
      { before: (tables) => tables.fleet.lock().then(() => undefined), then: rotate },
    );
    await readAgain();
    return { key, receipt };
  };
