import { verify } from '@node-rs/argon2';
import { encode, hashOf, saltOf } from './bytes';
import type { ReadHash } from './stored-hash';

/** `$argon2id$v=19$m=65536,t=3,p=4$salt$hash`. Without `v`, it is of version 16. */
const FORM = /^\$(argon2(?:id|i|d))(?:\$v=(16|19))?\$m=(\d{1,9}),t=(\d{1,9}),p=(\d{1,3})\$([^$]+)\$([^$]+)$/;

/** The most lanes: the library may give each a thread. */
const MOST_LANES = 64;

/** ms for one pass over 1 KiB */
const WORK = 1 / 1024;

export const readArgon2: ReadHash = (text) => {
  const [, kind = '', version = '16', m, t, p, saltText = '', hashText = ''] = FORM.exec(text) ?? [];
  const [memoryCost, passes, lanes] = [Number(m), Number(t), Number(p)];
  const [salt, hash] = [saltOf(saltText), hashOf(hashText)];
  // The library refuses a salt of less than 8 bytes, and less than 8 KiB for a lane.
  if (!salt || salt.length < 8 || !hash) return undefined;
  if (lanes < 1 || lanes > MOST_LANES || passes < 1 || memoryCost < 8 * lanes) return undefined;
  const settings = `$${kind}$v=${version}$m=${memoryCost},t=${passes},p=${lanes}`;
  const whole = `${settings}$${encode(salt)}$${encode(hash)}`;
  return {
    text: whole,
    settings,
    work: memoryCost * passes * WORK,
    memory: memoryCost * 1024,
    compare: (password) => verify(whole, password),
  };
};
