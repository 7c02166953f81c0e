import { createCipheriv, scrypt, type ScryptOptions } from 'node:crypto';
import { decode, encode, hashOf, isSame, saltOf } from './bytes';
import type { ReadHash } from './stored-hash';

/** `$scrypt$ln=17,r=8,p=1$salt$hash` */
const FORM = /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,4}),p=(\d{1,4})\$([^$]+)\$([^$]+)$/;

/** Firebase's: `$fbscrypt$v=1,n=14,r=8,p=1,ss=<salt separator>,sk=<signer key>$salt$hash`. */
const FIREBASE =
  /^\$fbscrypt\$v=1,n=(\d{1,2}),r=(\d{1,4}),p=(\d{1,4}),ss=([^,$]*),sk=([^,$]+)\$([^$]+)\$([^$]+)$/;

/** ms for 1 KiB of the table */
const WORK = 5 / 1024;

/** The parameters, and what they cost; `undefined` if scrypt has no such. */
function costOf(logN: string | undefined, blockSize: string | undefined, lanes: string | undefined) {
  const [ln, r, p] = [Number(logN), Number(blockSize), Number(lanes)];
  if (!(ln >= 1 && ln <= 31 && r >= 1 && p >= 1)) return undefined;
  const table = 128 * r * 2 ** ln;
  const memory = table + 128 * r * (p + 2);
  return { options: { N: 2 ** ln, r, p, maxmem: memory + 1024 }, work: (table / 1024) * p * WORK, memory };
}

const derive = (password: string, salt: Buffer, length: number, options: ScryptOptions) =>
  new Promise<Buffer>((resolve, reject) => {
    scrypt(password, salt, length, options, (error, key) => (error ? reject(error) : resolve(key)));
  });

export const readScrypt: ReadHash = (text) => {
  const [, ln, r, p, saltText = '', hashText = ''] = FORM.exec(text) ?? [];
  const [cost, salt, hash] = [costOf(ln, r, p), saltOf(saltText), hashOf(hashText)];
  if (!cost || !salt || !hash) return undefined;
  const settings = `$scrypt$ln=${Number(ln)},r=${Number(r)},p=${Number(p)}`;
  return {
    text: `${settings}$${encode(salt)}$${encode(hash)}`,
    settings,
    work: cost.work,
    memory: cost.memory,
    compare: async (password) => isSame(await derive(password, salt, hash.length, cost.options), hash),
  };
};

/** In Firebase the derived key encrypts the project's signer key. The ciphertext is the hash. */
export const readFirebaseScrypt: ReadHash = (text) => {
  const [, ln, r, p, ss = '', sk = '', saltText = '', hashText = ''] = FIREBASE.exec(text) ?? [];
  const [cost, salt, hash] = [costOf(ln, r, p), saltOf(saltText), hashOf(hashText)];
  const [separator, signerKey] = [decode(ss), decode(sk)];
  if (!cost || !salt || !hash || !separator || signerKey?.length !== hash.length) return undefined;
  const settings = `$fbscrypt$v=1,n=${Number(ln)},r=${Number(r)},p=${Number(p)}`;
  return {
    text: `${settings},ss=${encode(separator)},sk=${encode(signerKey)}$${encode(salt)}$${encode(hash)}`,
    settings,
    work: cost.work,
    memory: cost.memory,
    async compare(password) {
      const key = await derive(password, Buffer.concat([salt, separator]), 32, cost.options);
      return isSame(createCipheriv('aes-256-ctr', key, Buffer.alloc(16)).update(signerKey), hash);
    },
  };
};
