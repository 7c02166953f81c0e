import helmet from '@fastify/helmet';
import type { FastifyInstance } from 'fastify';
import type { AppOptions } from './app-options';

/** s, a year. */
const HSTS_MAX_AGE = 31_536_000;

/** Adds security headers for an API without pages: no frames, scripts or referrers, and HSTS if the issuer is https. */
export async function addSecurityHeaders(
  app: FastifyInstance,
  { issuer }: Pick<AppOptions, 'issuer'>,
): Promise<void> {
  await app.register(helmet, {
    // Not for subdomains, which may lack https.
    strictTransportSecurity: issuer.startsWith('https:') && {
      maxAge: HSTS_MAX_AGE,
      includeSubDomains: false,
    },
    contentSecurityPolicy: {
      useDefaults: false,
      // GraphiQL, outside production, sets its own.
      directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] },
    },
    frameguard: { action: 'deny' },
    referrerPolicy: { policy: 'no-referrer' },
  });
}
