import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import type { Actions } from '../../src/actions/actions';
import type { NewAuditEvent } from '../../src/core/account';
import { systemClock } from '../../src/core/clock';
import { type AppOptions, createApp } from '../../src/http/app';
import { createLogger } from '../../src/logger';
import { createAnnouncements } from '../../src/revocation/announcements';

/** The HTTP side alone: no store, no account, and no token that is good. */
export interface TestApp {
  readonly url: string;
  readonly server: FastifyInstance['server'];
  /** What it would have recorded in the audit log. */
  readonly refusals: readonly NewAuditEvent[];
  close(): Promise<void>;
}

export async function startApp(options: Partial<AppOptions> = {}): Promise<TestApp> {
  const refusals: NewAuditEvent[] = [];
  const logger = createLogger('silent', { write: () => undefined });
  const app = await createApp({
    actions: {} as Actions,
    guard: { authenticate: () => Promise.resolve({ ok: false, code: 'TOKEN_MISSING' }) },
    keys: {} as AppOptions['keys'],
    readiness: () => Promise.resolve({ status: 'ready' } as never),
    stopping: new AbortController().signal,
    logger,
    recordRefusal: (event) => void refusals.push(event),
    metrics: { answered: () => undefined },
    logRequests: 'off',
    issuer: 'https://auth.example.com',
    corsOrigins: [],
    trustProxy: false,
    production: false,
    operationTimeout: 10_000,
    announcements: createAnnouncements(logger),
    clock: systemClock,
    clockSkew: 0,
    rateLimit: true,
    ...options,
  });
  await app.listen({ host: '127.0.0.1', port: 0 });
  return {
    url: `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`,
    server: app.server,
    refusals,
    close: () => app.close(),
  };
}
