import helmet from '@fastify/helmet';
import type { FastifyInstance } from 'fastify';
import type { AppOptions } from './app-options';

/** s, a year. */
const HSTS_MAX_AGE = 31_536_000;

/** Adds security headers for an API without pages: no frames, scripts or referrers, and HSTS if the issuer is https. */
export async function addSecurityHeaders(
  app: FastifyInstance,
  { issuer, production }: Pick<AppOptions, 'issuer' | 'production'>,
): Promise<void> {
  await app.register(helmet, {
    // Not for subdomains, which may lack https.
    strictTransportSecurity: issuer.startsWith('https:') && {
      maxAge: HSTS_MAX_AGE,
      includeSubDomains: false,
    },
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        // Outside production, /graphql serves Apollo's landing page, which sets its own script policy.
        defaultSrc: production ? ["'none'"] : helmet.contentSecurityPolicy.dangerouslyDisableDefaultSrc,
        frameAncestors: ["'none'"],
      },
    },
    frameguard: { action: 'deny' },
    crossOriginOpenerPolicy: production,
    referrerPolicy: { policy: production ? 'no-referrer' : 'strict-origin-when-cross-origin' },
  });
}
