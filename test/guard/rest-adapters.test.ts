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

/** It knows two headers, and no others. */
const guard: Guard = {
  authenticate: (authorization): Promise<AuthResult> => {
    if (authorization === 'good') {
      const principal = { userId: 'ann', sessionId: 's', tokenId: 't', role: 'USER', keyId: 'k' } as const;
      return Promise.resolve({ ok: true, principal: { ...principal, claims: {} as never } });
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
  test('an optional guard lets everyone through, and tells who it was', async () => {
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

  test('it works without Express, on what Node has', async () => {
    const guarded = expressGuard(guard);
    const server = createServer((req, res) => guarded(req, res, () => res.end('served')));
    const url = await listen(server.listen(0, '127.0.0.1'));
    expect(await send(url, ['good'])).toMatchObject({ status: 200, text: 'served' });
    expect(await send(url, ['bad'])).toMatchObject({ status: 401 });
    expect(await send(url, [], { method: 'HEAD' })).toMatchObject({ status: 401, text: '' });
  });

  test('a guard that fails is an error of the service, and no handler is reached', async () => {
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

  test('a handler that the guard was not put before finds nobody signed in', () => {
    expect(() => authOf({})).toThrow(/has not seen this request/);
    expect(() => authOf({ auth: null })).toThrow(/has not seen this request/);
    // Other middleware uses the name as well.
    expect(() => authOf({ auth: { sub: 'ann' } })).toThrow(/has not seen this request/);
  });

  test.each<[string, object, RegExp]>([
    ['a role that there is not', { role: 'admin' }, /must be 'USER' or 'ADMIN'/],
    ['a misspelt option', { roles: ['ADMIN'] }, /no option roles/],
    ['a role of those who need not sign in', { role: 'ADMIN', optional: true }, /leave one of the two out/],
    ['an optional that is neither', { optional: 'no' }, /optional must be true or false/],
  ])('%s is refused when the middleware is made', (_what, options, sentence) => {
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

  test('the plugin is seen by routes beside it, and refuses nothing by itself', async () => {
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

  test('nothing of one request is left for the next', async () => {
    const app = newApp();
    await app.register(fastifyGuard(guard));
    app.get('/', { preHandler: fastifyRequireUser() }, () => 'served');
    expect((await ask(app, 'good')).statusCode).toBe(200);
    expect((await ask(app)).statusCode).toBe(401);
  });

  test('a refused request does not reach its handler, and as onRequest not even its body is read', async () => {
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

  test('a route that needs a user serves nobody where the plugin is missing', async () => {
    const app = newApp();
    app.get('/', { preHandler: fastifyRequireUser() }, () => 'served');
    expect((await ask(app, 'good')).statusCode).toBe(500);
  });

  test('the maker of the hook, given in place of the hook, serves nobody', async () => {
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
])('the header is found where %s keeps it', (_where, request, value) => {
  expect(authorizationOf(request)).toBe(value);
});
