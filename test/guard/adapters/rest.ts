import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import express from 'express';
import Fastify from 'fastify';
import { expressGuard } from '../../../src/guard/express';
import { fastifyGuard, fastifyRequireUser } from '../../../src/guard/fastify';
import { authOf } from '../../../src/guard/request';
import { type Adapter, RECENT, send, type Service } from './adapter';

const unauthenticated = (reason: string, challenge = 'Bearer error="invalid_token"') => ({
  status: 401,
  challenge,
  code: 'UNAUTHENTICATED',
  reason,
});

const sees: Adapter['sees'] = {
  TOKEN_MISSING: unauthenticated('TOKEN_MISSING', 'Bearer'),
  TOKEN_INVALID: unauthenticated('TOKEN_INVALID'),
  TOKEN_EXPIRED: unauthenticated('TOKEN_EXPIRED'),
  TOKEN_REVOKED: unauthenticated('TOKEN_REVOKED'),
  FORBIDDEN: { status: 403, challenge: 'Bearer error="insufficient_scope"', code: 'FORBIDDEN' },
  TOO_OLD: {
    status: 401,
    challenge: 'Bearer error="insufficient_user_authentication", max_age="300"',
    code: 'INSUFFICIENT_USER_AUTHENTICATION',
    maxAge: 300,
  },
  SERVICE_UNAVAILABLE: { status: 503, retryAfter: '1', code: 'SERVICE_UNAVAILABLE' },
  FAULT: { status: 500 },
};

const serviceAt = (url: string, close: () => Promise<unknown>): Service => ({
  async ask(authorizations, want = 'user') {
    const { status, headers, text } = await send(`${url}/${want}`, authorizations);
    if (status === 200) return JSON.parse(text) as object;
    // The framework decides on the body.
    if (status === 500) return { status };
    expect(headers['content-type']).toMatch(/^application\/json/);
    const { code, reason, maxAge, message, ...more } = JSON.parse(text).error;
    expect(message).toMatch(/^[A-Z].*\.$/);
    expect(more).toEqual({});
    const [challenge, retryAfter] = [headers['www-authenticate'], headers['retry-after']];
    return {
      status,
      ...(challenge && { challenge }),
      ...(retryAfter && { retryAfter }),
      code,
      ...(reason && { reason }),
      ...(maxAge && { maxAge }),
    };
  },
  close,
});

const userIdOf = (request: object) => {
  const auth = authOf(request);
  return { userId: auth.ok ? auth.principal.userId : undefined };
};

export const onExpress: Adapter = {
  name: 'Express',
  sees,
  async start(guard) {
    const app = express();
    // Keeps the framework from printing the deliberate errors.
    app.set('env', 'test');
    app.get('/user', expressGuard(guard), (req, res) => void res.json(userIdOf(req)));
    app.get('/admin', expressGuard(guard, { role: 'ADMIN' }), (req, res) => void res.json(userIdOf(req)));
    app.get('/recent', expressGuard(guard, RECENT), (req, res) => void res.json(userIdOf(req)));
    const server = app.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    return serviceAt(`http://127.0.0.1:${port}`, () => new Promise((resolve) => server.close(resolve)));
  },
};

export const onFastify: Adapter = {
  name: 'Fastify',
  sees,
  async start(guard) {
    const app = Fastify();
    await app.register(fastifyGuard(guard));
    app.get('/user', { preHandler: fastifyRequireUser() }, (request) => userIdOf(request));
    app.get('/admin', { onRequest: fastifyRequireUser('ADMIN') }, (request) => userIdOf(request));
    app.get('/recent', { onRequest: fastifyRequireUser(RECENT) }, (request) => userIdOf(request));
    return serviceAt(await app.listen({ port: 0, host: '127.0.0.1' }), () => app.close());
  },
};
