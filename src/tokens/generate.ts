import { createHash, generateKeyPairSync } from 'node:crypto';
import type { GenerateSigningKey } from '../core/ports/tokens';
import type { Seal } from './sealing';

/** Generates ES256 key pairs. The id is the name followed by the thumbprint of the public key (RFC 7638). */
export function createKeyGenerator(seal: Seal): GenerateSigningKey {
  return (name) => {
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const { crv, kty, x, y } = publicKey.export({ format: 'jwk' });
    const thumbprint = createHash('sha256').update(JSON.stringify({ crv, kty, x, y })).digest('base64url');
    const id = name + thumbprint;
    return {
      id,
      algorithm: 'ES256',
      publicKey: publicKey.export({ format: 'pem', type: 'spki' }) as string,
      sealedPrivateKey: seal.close(privateKey.export({ format: 'pem', type: 'pkcs8' }) as string, id),
    };
  };
}
