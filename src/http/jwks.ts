import type { FastifyInstance } from 'fastify';
import type { PublishedKeys } from '../core/ports/tokens';

/** s. Whoever meets an unknown `kid` asks again anyway; this bounds how long a dropped key is believed. */
const MAX_AGE = 60;

/**
 * `/.well-known/jwks.json` (RFC 7517): the public keys by which anyone can check a signature. Each `kid` names the database
 * whose revocations concern its tokens.
 */
export function addJwks(app: FastifyInstance, keys: PublishedKeys): void {
  app.get('/.well-known/jwks.json', async (_request, reply) =>
    reply
      .header('cache-control', `public, max-age=${MAX_AGE}`)
      .type('application/jwk-set+json')
      .send(JSON.stringify({ keys: await keys.publicKeys() })),
  );
}
