import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';

/** Encrypts small texts to be stored in the database. */
export interface Seal {
  /** @param context what the text belongs to; `open` needs the same */
  close(text: string, context: string): string;
  /** Throws if the secret or context differs, or if the text was tampered with. */
  open(sealed: string, context: string): string;
}

const VERSION = 'v1';

/**
 * Seals with AES-256-GCM, by a key derived from the secret with HKDF-SHA256 (RFC 5869).
 *
 * @param secret at least 32 characters, which the caller has checked
 */
export function createSeal(secret: string): Seal {
  const key = Buffer.from(hkdfSync('sha256', secret, 'tokenfence', 'signing keys at rest', 32));
  return {
    close(text, context) {
      const iv = randomBytes(12);
      const cipher = createCipheriv('aes-256-gcm', key, iv).setAAD(Buffer.from(context));
      const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
      return [VERSION, iv, cipher.getAuthTag(), sealed]
        .map((part) => (typeof part === 'string' ? part : part.toString('base64url')))
        .join('.');
    },

    open(sealed, context) {
      const [version, iv, tag, text] = sealed.split('.');
      if (version !== VERSION || !iv || !tag || !text) throw new Error('The sealed text is malformed.');
      const decipher = createDecipheriv('aes-256-gcm', key, Buffer.from(iv, 'base64url'), {
        authTagLength: 16,
      })
        .setAAD(Buffer.from(context))
        .setAuthTag(Buffer.from(tag, 'base64url'));
      return decipher.update(Buffer.from(text, 'base64url'), undefined, 'utf8') + decipher.final('utf8');
    },
  };
}
