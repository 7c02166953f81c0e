import type { FastifyInstance } from 'fastify';
import type { Actions } from '../../src/actions/actions';
import type { NewAuditEvent } from '../../src/core/account';
import { systemClock } from '../../src/core/clock';
import { noMetrics } from '../../src/core/ports/metrics';
import { createFollowersDoor } from '../../src/followers/door';
import { createApp } from '../../src/http/app';
import type { AppOptions } from '../../src/http/app-options';
import { embed } from '../../src/http/embed';
import { createLogger } from '../../src/server/logger';
import { createAnnouncements } from '../../src/revocation/announcements';
import { urlOf } from './listen';

/** The HTTP side only: it has no store, and every token is refused. */
export interface TestApp {
  readonly url: string;
  readonly server: FastifyInstance['server'];
  /** The refusals for the audit log. */
  readonly refusals: readonly NewAuditEvent[];
  close(): Promise<void>;
}

export async function startApp(given: Partial<AppOptions> = {}): Promise<TestApp> {
  const refusals: NewAuditEvent[] = [];
  const logger = createLogger('silent', { write: () => undefined });
  const options: AppOptions = {
    actions: {} as Actions,
    guard: { authenticate: () => Promise.resolve({ ok: false, code: 'TOKEN_MISSING' }) },
    keys: {} as AppOptions['keys'],
    readiness: () => Promise.resolve({ status: 'ready' } as never),
    stopping: new AbortController().signal,
    logger,
    recordRefusal: (event) => void refusals.push(event),
    metrics: noMetrics,
    logRequests: 'off',
    issuer: 'https://auth.example.com',
    corsOrigins: [],
    trustProxy: false,
    production: false,
    operationTimeout: 10_000,
    federation: false,
    httpStatus: 'errors',
    announcements: createAnnouncements(logger),
    clock: systemClock,
    clockSkew: 0,
    rateLimit: true,
    door: createFollowersDoor({
      followersPerNode: 0,
      shutdownDelay: 0,
      clock: systemClock,
      logger,
      metrics: noMetrics,
    }),
    ...given,
  };
  const app = await createApp({ ...options, auth: embed(options).embedded });
  await app.listen({ host: '127.0.0.1', port: 0 });
  return {
    url: urlOf(app.server),
    server: app.server,
    refusals,
    close: () => app.close(),
  };
}
