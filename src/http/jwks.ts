import type { FastifyInstance } from 'fastify';
import type { PublishedKeys } from '../core/ports/tokens';

/** s that caches may keep the set. Far less than a new key is published before it signs. */
const MAX_AGE = 60;

/**
 * `/.well-known/jwks.json` (RFC 7517): the public keys by which anyone can check a signature. A request with `no-cache`
 * (RFC 9111, section 5.2.1.4) is answered from the database. Each `kid` names the database whose revocations concern its
 * tokens. The member `tokenfence` announces keys to guards; others ignore it.
 */
export function addJwks(app: FastifyInstance, published: PublishedKeys): void {
  app.get('/.well-known/jwks.json', async (request, reply) => {
    const isFresh = request.headers['cache-control']?.includes('no-cache');
    const { keys, next } = await published.keySet(isFresh);
    return reply
      .header('cache-control', `public, max-age=${MAX_AGE}`)
      .type('application/jwk-set+json')
      .send(JSON.stringify({ keys, tokenfence: { next } }));
  });
}
