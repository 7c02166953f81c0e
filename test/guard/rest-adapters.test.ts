import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import express from 'express';
import Fastify from 'fastify';
import { expressGuard, type ExpressGuardOptions } from '../../src/guard/express';
import { fastifyGuard, fastifyRequireUser } from '../../src/guard/fastify';
import type { AuthResult, Guard } from '../../src/guard/guard';
import { authOf, authorizationOf } from '../../src/guard/request';
import { send } from './adapters/adapter';

/** It knows two headers only. */
const guard: Guard = {
  authenticate: (authorization): Promise<AuthResult> => {
    if (authorization === 'good') {
      const principal = { userId: 'ann', sessionId: 's', tokenId: 't', role: 'USER' } as const;
      return Promise.resolve({ ok: true, principal: { ...principal, claims: {}, token: {} as never } });
    }
    if (authorization === 'untellable') return Promise.resolve({ ok: false, code: 'SERVICE_UNAVAILABLE' });
    return Promise.resolve({ ok: false, code: authorization ? 'TOKEN_INVALID' : 'TOKEN_MISSING' });
  },
};

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

const listen = async (server: ReturnType<typeof createServer>) => {
  closing.push(() => server.close());
  if (!server.listening) await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
};

describe('Express', () => {
  test('an optional guard lets every request through and knows its user', async () => {
    const app = express();
    app.use(expressGuard(guard, { optional: true }));
    app.get('/', (req, res) => {
      const auth = authOf(req);
      res.json(auth.ok ? auth.principal.userId : auth.code);
    });
    const url = await listen(app.listen(0, '127.0.0.1'));
    const seen = async (...headers: string[]) => JSON.parse((await send(url, headers)).text) as unknown;
    expect(await seen('good')).toBe('ann');
    expect(await seen('bad')).toBe('TOKEN_INVALID');
    expect(await seen('untellable')).toBe('SERVICE_UNAVAILABLE');
    expect(await seen()).toBe('TOKEN_MISSING');
  });

  test('the middleware works with the HTTP server of Node', async () => {
    const guarded = expressGuard(guard);
    const server = createServer((req, res) => guarded(req, res, () => res.end('served')));
    const url = await listen(server.listen(0, '127.0.0.1'));
    expect(await send(url, ['good'])).toMatchObject({ status: 200, text: 'served' });
    expect(await send(url, ['bad'])).toMatchObject({ status: 401 });
    expect(await send(url, [], { method: 'HEAD' })).toMatchObject({ status: 401, text: '' });
  });

  test('a failing guard causes an error, and the handler does not run', async () => {
    let reached = 0;
    const failing = expressGuard({ authenticate: () => Promise.reject(new Error('made on purpose')) });
    const answerError: express.ErrorRequestHandler = (error: Error, _req, res, next) => {
      if (res.headersSent) next(error);
      else res.status(500).end(error.message);
    };
    const app = express();
    app.get('/', failing, (_req, res) => void res.end(`${++reached}`));
    app.use(answerError);
    const url = await listen(app.listen(0, '127.0.0.1'));
    expect(await send(url, ['good'])).toMatchObject({ status: 500, text: 'made on purpose' });
    expect(reached).toBe(0);
  });

  test('a handler without the guard sees no signed-in user', () => {
    expect(() => authOf({})).toThrow(/has not seen this request/);
    expect(() => authOf({ auth: null })).toThrow(/has not seen this request/);
    // Other middleware uses the same name.
    expect(() => authOf({ auth: { sub: 'ann' } })).toThrow(/has not seen this request/);
  });

  test.each<[string, object, RegExp]>([
    ['a role that there is not', { role: 'admin' }, /must be capital letters/],
    ['a misspelt option', { roles: ['ADMIN'] }, /no option roles/],
    [
      'a role of those who need not sign in',
      { role: 'ADMIN', optional: true },
      /optional: true excludes role/,
    ],
    ['an optional that is neither', { optional: 'no' }, /optional must be true or false/],
  ])('%s is refused when the middleware is created', (_what, options, sentence) => {
    expect(() => expressGuard(guard, options as ExpressGuardOptions)).toThrow(sentence);
  });
});

describe('Fastify', () => {
  const newApp = () => {
    const app = Fastify();
    closing.push(() => app.close());
    return app;
  };
  const ask = (app: ReturnType<typeof newApp>, authorization?: string, url = '/') =>
    app.inject({ url, headers: authorization === undefined ? {} : { authorization } });

  test('routes beside the plugin see its result, and the plugin refuses nothing', async () => {
    const app = newApp();
    await app.register(fastifyGuard(guard));
    app.get('/', (request) => ({ auth: authOf(request) }));
    await app.register((scope, _options, done) => {
      scope.get('/inner', (request) => ({ auth: authOf(request) }));
      done();
    });
    for (const url of ['/', '/inner']) {
      expect((await ask(app, 'good', url)).json()).toMatchObject({ auth: { principal: { userId: 'ann' } } });
      expect((await ask(app, 'bad', url)).json()).toEqual({ auth: { ok: false, code: 'TOKEN_INVALID' } });
    }
  });

  test('no result of a request reaches the next', async () => {
    const app = newApp();
    await app.register(fastifyGuard(guard));
    app.get('/', { preHandler: fastifyRequireUser() }, () => 'served');
    expect((await ask(app, 'good')).statusCode).toBe(200);
    expect((await ask(app)).statusCode).toBe(401);
  });

  test('a refused request does not reach its handler, and onRequest does not read its body', async () => {
    const app = newApp();
    await app.register(fastifyGuard(guard));
    let reached = 0;
    const handler = () => void (reached += 1);
    app.post('/', { preHandler: fastifyRequireUser('ADMIN'), handler });
    app.post('/early', { onRequest: fastifyRequireUser(), handler });
    const broken = { method: 'POST', body: '{', headers: { 'content-type': 'application/json' } } as const;
    expect((await app.inject({ ...broken, url: '/early' })).statusCode).toBe(401);
    const plain = { method: 'POST', url: '/', headers: { authorization: 'good' } } as const;
    expect((await app.inject(plain)).statusCode).toBe(403);
    expect(reached).toBe(0);
  });

  test('a route that needs a user serves no request without the plugin', async () => {
    const app = newApp();
    app.get('/', { preHandler: fastifyRequireUser() }, () => 'served');
    expect((await ask(app, 'good')).statusCode).toBe(500);
  });

  test('passing fastifyRequireUser itself as the hook serves no request', async () => {
    const app = newApp();
    await app.register(fastifyGuard(guard));
    app.get('/', { preHandler: fastifyRequireUser as never }, () => 'served');
    expect((await ask(app, 'good')).statusCode).toBe(500);
  });
});

test.each<[string, Parameters<typeof authorizationOf>[0], string | undefined]>([
  ['Node', { headers: { authorization: 'x' } }, 'x'],
  ['the Fetch API', new Request('http://x', { headers: { Authorization: 'x' } }), 'x'],
  ['lists', { headers: { authorization: ['x'] } }, 'x'],
  ['lists that name two', { headers: { authorization: ['x', 'y'] } }, 'given twice'],
  ['nothing', { headers: {} }, undefined],
  ['an empty list', { headers: { authorization: [] } }, undefined],
])('the header is found in the request of %s', (_where, request, value) => {
  expect(authorizationOf(request)).toBe(value);
});
