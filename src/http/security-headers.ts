import helmet from '@fastify/helmet';
import type { FastifyInstance } from 'fastify';

export interface SecurityHeaderOptions {
  /** The service's own address, as its clients know it. */
  readonly issuer: string;
  /** Outside of production, Apollo's landing page is at /graphql. It brings a policy of its own for its scripts. */
  readonly production: boolean;
}

/** s: a year */
const HSTS_MAX_AGE = 31_536_000;

/** Tells browsers that nothing here is a page: no frame, no script, no referrer, and https only where that is spoken. */
export async function addSecurityHeaders(
  app: FastifyInstance,
  { issuer, production }: SecurityHeaderOptions,
): Promise<void> {
  await app.register(helmet, {
    // Other names below this one may still be without https.
    strictTransportSecurity: issuer.startsWith('https:') && {
      maxAge: HSTS_MAX_AGE,
      includeSubDomains: false,
    },
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: production ? ["'none'"] : helmet.contentSecurityPolicy.dangerouslyDisableDefaultSrc,
        frameAncestors: ["'none'"],
      },
    },
    frameguard: { action: 'deny' },
    crossOriginOpenerPolicy: production,
    referrerPolicy: { policy: production ? 'no-referrer' : 'strict-origin-when-cross-origin' },
  });
}
