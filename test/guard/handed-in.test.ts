import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { sign } from 'jsonwebtoken';
import { type AuthContext, requireUser, typeGraphqlAuthChecker } from '../../src/guard/apollo';
import { expressGuard } from '../../src/guard/express';
import { fastifyRequireUser } from '../../src/guard/fastify';
import { type GuardOptions, GuardOptionsError } from '../../src/guard/guard-options';
import { guardMaker } from '../support/guards';

const KEY_ID = `${randomUUID()}.key`;
const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const jwk = { ...publicKey.export({ format: 'jwk' }), kid: KEY_ID, alg: 'ES256', use: 'sig' };
const now = Math.floor(Date.now() / 1000);
const [sub, jti, sid] = [randomUUID(), randomUUID(), randomUUID()];
const claims = { iss: 'i', aud: 'a', sub, jti, sid, client_id: 'c', iat: now, exp: now + 900, role: 'USER' };
const token = sign({ ...claims, auth_time: now, tokenVersion: 1, globalVersion: 1 }, privateKey, {
  algorithm: 'ES256',
  keyid: KEY_ID,
  header: { alg: 'ES256', typ: 'at+jwt' },
});
const fails = () => {
  throw new Error('a fault of the service');
};
/** Its type hides that it rejects, as in JavaScript. */
const rejects = (() => Promise.reject(new Error('a fault of the service'))) as () => void;

const unhandled: unknown[] = [];
const note = (error: unknown) => unhandled.push(error);
beforeAll(() => void process.on('unhandledRejection', note));
afterAll(() => void process.off('unhandledRejection', note));

/** Reaches neither Redis nor the auth server, so it logs and counts much. */
const newGuard = guardMaker(() => ({
  issuer: 'i',
  audience: 'a',
  jwks: { keys: [jwk] },
  redis: 'redis://127.0.0.1:9',
  introspection: { url: 'http://127.0.0.1:9', secret: 's' },
}));

test.each<[string, Partial<GuardOptions>]>([
  ['a logger that throws', { logger: { debug: fails, info: fails, warn: fails, error: fails } }],
  ['a logger that rejects', { logger: { debug: rejects, info: rejects, warn: rejects, error: rejects } }],
  ['metrics that throw', { metrics: { checked: fails } }],
])(
  'with %s, an uncheckable token gets SERVICE_UNAVAILABLE and nothing is thrown',
  async (_what, options) => {
    for (const jwks of [{ keys: [jwk] }, 'http://127.0.0.1:9']) {
      const guard = await newGuard({ ...options, jwks });
      const result = await guard.authenticate(`Bearer ${token}`);
      expect(result).toMatchObject({ ok: false, code: 'SERVICE_UNAVAILABLE' });
    }
    // Unhandled rejections are reported after the tasks that are due.
    await new Promise((resolve) => setImmediate(resolve));
    expect(unhandled).toEqual([]);
  },
  20_000,
);

test('a clock without a time is refused as a wrong option', async () => {
  for (const tells of [fails, () => NaN])
    await expect(newGuard({ clock: { now: tells, monotonic: tells } })).rejects.toThrow(GuardOptionsError);
});

test('a value that is not a header is TOKEN_INVALID', async () => {
  const guard = await newGuard({});
  for (const value of [[`Bearer ${token}`], [`Bearer ${token}`, 'Bearer x'], 1, { a: 1 }, true])
    expect(await guard.authenticate(value as never)).toEqual({ ok: false, code: 'TOKEN_INVALID' });
  for (const value of [undefined, null, ''])
    expect(await guard.authenticate(value as never)).toEqual({ ok: false, code: 'TOKEN_MISSING' });
}, 20_000);

describe('an invalid requirement', () => {
  const context = { auth: { ok: true, principal: { role: 'USER' } } } as unknown as AuthContext;
  const guard = { authenticate: () => Promise.resolve(context.auth) };

  test.each([[undefined], [null], ['admin'], ['']])('%p is refused', (role) => {
    const given = role as never;
    expect(() => expressGuard(guard, { role: given })).toThrow(TypeError);
    expect(() => fastifyRequireUser(given)).toThrow(TypeError);
    expect(() => requireUser(context, given)).toThrow(TypeError);
    expect(() => typeGraphqlAuthChecker()({ context }, [given])).toThrow(TypeError);
  });

  test.each<object>([
    { maxAge: 0 },
    { maxAge: -1 },
    { maxAge: NaN },
    { maxAge: Infinity },
    { maxAge: '300' },
    { maxAge: undefined },
    { role: 'USER', maxAge: null },
    { role: undefined, maxAge: 300 },
    { maxage: 300 },
  ])('%p is refused', (requirement) => {
    const given = requirement as never;
    expect(() => expressGuard(guard, given)).toThrow(TypeError);
    expect(() => fastifyRequireUser(given)).toThrow(TypeError);
    expect(() => requireUser(context, given)).toThrow(TypeError);
    expect(() => typeGraphqlAuthChecker()({ context }, [given])).toThrow(TypeError);
  });

  test('a requirement that requires nothing is refused', () => {
    expect(() => requireUser(context, {})).toThrow(TypeError);
    expect(() => fastifyRequireUser({})).toThrow(TypeError);
  });

  test('a missing role admits every signed-in user', () => {
    expect(() => expressGuard(guard, {})).not.toThrow();
    expect(() => expressGuard(guard, { optional: true, role: undefined })).not.toThrow();
    expect(() => fastifyRequireUser()).not.toThrow();
    expect(requireUser(context)).toEqual({ role: 'USER' });
    expect(typeGraphqlAuthChecker()({ context }, [])).toBe(true);
  });
});
