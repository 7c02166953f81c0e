import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { StoreConfig } from '../config/store';
import { StartError } from '../core/start-error';
import { lockSealedKeys, replaceSealedKey, type SealedKey } from '../postgres/sealed-keys';
import { refreshKeyContext } from '../tokens/refresh-keys';
import { createSeal, type Seal } from '../tokens/sealing';
import type { Task } from './admin';

const contextOf = ({ of, id }: SealedKey) => (of === 'signing' ? id : refreshKeyContext(Number(id)));

/** Decrypts a key; `undefined` if it was encrypted with another secret. */
function opened(key: SealedKey, seal: Seal): string | undefined {
  try {
    return seal.open(key.sealed, contextOf(key));
  } catch {
    return undefined;
  }
}

function encrypted(key: SealedKey, from: Seal, to: Seal): SealedKey {
  const text = opened(key, from);
  if (text !== undefined) return { ...key, sealed: to.close(text, contextOf(key)) };
  throw new StartError(
    `Nothing was changed: neither SECRET nor OLD_SECRET decrypts the ${key.of} key ${key.id}. ` +
      'Set OLD_SECRET to the secret that it was encrypted with.',
  );
}

/** The secret that the server generated beside the embedded database, if it did. */
const secretBeside = async (dataDir: string): Promise<string | undefined> =>
  (await readFile(join(dataDir, 'secret'), 'utf8').catch(() => '')).trim() || undefined;

/** What to do after the keys were encrypted. */
const nextStep = (store: StoreConfig): string =>
  store.mode === 'servers'
    ? 'Restart every node with this SECRET, one after the other. Until then each runs on with the keys in its ' +
      'memory. Do not run rotateSigningKey before all have it.'
    : `Start the server with this SECRET from now on. The file ${join(store.dataDir, 'secret')} is not used then.`;

/** Encrypts every key with SECRET instead of OLD_SECRET. */
export const RESEAL: Task = {
  words: 'reseal',
  // It may run beside the nodes, and the embedded mode has keys too.
  isOfFleet: false,
  async work(manager, { store }, env) {
    if (store.secret === undefined)
      throw new StartError(
        'SECRET is not set. Set it to the new secret, for example from: openssl rand -base64 32',
      );
    const to = createSeal(store.secret);
    const keys = await lockSealedKeys(manager);
    const left = keys.filter((key) => opened(key, to) === undefined);
    if (left.length === 0) return 'Nothing is left to do: every key is encrypted with this SECRET.';
    // Compose passes an unset variable as an empty one.
    const old = (env.OLD_SECRET ?? '') || (store.mode === 'embedded' && (await secretBeside(store.dataDir)));
    if (!old)
      throw new StartError(
        `SECRET does not decrypt ${left.length} of ${keys.length} keys. Set OLD_SECRET to the secret that they ` +
          'were encrypted with.',
      );
    const from = createSeal(old);
    for (const key of left.map((each) => encrypted(each, from, to))) await replaceSealedKey(manager, key);
    return `Encrypted ${left.length} of ${keys.length} keys with SECRET. ${nextStep(store)}`;
  },
};
