import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import { serviceUnavailable } from '../core/errors';
import type { Logger } from '../core/ports/logger';

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

/**
 * Makes the seal of a running node. What it cannot open was encrypted with another SECRET after the node started: see
 * `tokenfence admin reseal`. Logs that once, and throws `SERVICE_UNAVAILABLE`, because other nodes can serve the request.
 */
export function createSealOfNode(seal: Seal, logger: Pick<Logger, 'error'>): Seal {
  let isLogged = false;
  return {
    close: (text, context) => seal.close(text, context),
    open(sealed, context) {
      try {
        return seal.open(sealed, context);
      } catch (error) {
        if (!isLogged)
          logger.error(
            {},
            'The keys in the database are encrypted with another SECRET than this node has. ' +
              'It continues with the keys in its memory. Restart it with the new SECRET.',
          );
        isLogged = true;
        throw serviceUnavailable(error);
      }
    },
  };
}
