import type { ReadHash } from './stored-hash';

/** `$2b$10$`, then 22 characters of salt and 31 of the hash. `$2a$` and `$2y$` are the same algorithm. */
const FORM = /^\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}$/;

/** ms for one round of bcryptjs, which is slower than a bcrypt in C */
const WORK = 0.1;

export const readBcrypt: ReadHash = (text) => {
  const cost = Number(FORM.exec(text)?.[1]);
  if (!(cost >= 4 && cost <= 31)) return undefined;
  return {
    text,
    settings: `$2$${cost}`,
    work: 2 ** cost * WORK,
    memory: 4096,
    compare: (password, bcrypt) => bcrypt(password, text),
  };
};
