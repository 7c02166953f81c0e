import { pbkdf2 } from 'node:crypto';
import { promisify } from 'node:util';
import { encode, hashOf, isSame, saltOf } from './bytes';
import type { ReadHash } from './stored-hash';

const derive = promisify(pbkdf2);

/** `$pbkdf2-sha256$i=600000,l=32$salt$hash` (PHC), or `$pbkdf2-sha256$600000$salt$hash` (passlib). */
const FORM = /^\$pbkdf2(?:-(sha1|sha256|sha512))?\$(?:i=)?(\d{1,10})(?:,l=(\d{1,3}))?\$([^$]+)\$([^$]+)$/;

/** `pbkdf2_sha256$600000$salt$hash` (Django). The salt is text. */
const DJANGO = /^pbkdf2_(sha1|sha256)\$(\d{1,10})\$([^$]+)\$([^$]+)$/;

/** The bytes of a hash that take one computation. */
const BLOCK = { sha1: 20, sha256: 32, sha512: 64 } as const;

/** ms for one iteration */
const WORK = 0.001;

const toPhc = (text: string) =>
  text.replace(
    DJANGO,
    (_, digest: string, iterations: string, salt: string, hash: string) =>
      `$pbkdf2-${digest}$i=${iterations}$${encode(Buffer.from(salt))}$${hash}`,
  );

export const readPbkdf2: ReadHash = (text) => {
  // Passlib's name for the one with SHA-1 has no digest.
  const [, digest = 'sha1', i, length, saltText = '', hashText = ''] = FORM.exec(toPhc(text)) ?? [];
  const iterations = Number(i);
  const [salt, hash] = [saltOf(saltText), hashOf(hashText)];
  if (!salt || !hash || iterations < 1 || Number(length ?? hash.length) !== hash.length) return undefined;
  const settings = `$pbkdf2-${digest}$i=${iterations}`;
  return {
    text: `${settings}$${encode(salt)}$${encode(hash)}`,
    settings: `${settings},l=${hash.length}`,
    work: iterations * Math.ceil(hash.length / BLOCK[digest as keyof typeof BLOCK]) * WORK,
    memory: 0,
    compare: async (password) => isSame(await derive(password, salt, iterations, hash.length, digest), hash),
  };
};
