import type { FastifyInstance } from 'fastify';
import type { PublishedKeys } from '../core/ports/tokens';

/** s that caches may keep the set: far less than the time a new key is published before it signs. */
const MAX_AGE = 60;

/**
 * Adds `/.well-known/jwks.json` (RFC 7517). A request with `no-cache` (RFC 9111, section 5.2.1.4) reads the database.
 * Each `kid` names the database that holds the revocations of its tokens. The member `tokenfence` announces future keys
 * to guards; other clients ignore it.
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
