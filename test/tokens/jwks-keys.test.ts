import { generateKeyPairSync } from 'node:crypto';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import { drawKeyName, hashOfKeyName } from '../../src/core/key-names';
import { createHttpClient } from '../../src/http-client/http-client';
import { createJwksKeys, readJwkSet } from '../../src/tokens/jwks-keys';
import { closeServer, listen } from '../support/listen';
import { silent } from '../support/silent';

const jwkOf = (kid: string, more: object = {}) => {
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return { ...publicKey.export({ format: 'jwk' }), kid, alg: 'ES256', use: 'sig', ...more };
};

/** ms that the clocks may differ by. */
const SKEW = 5000;

let server: Server;
let url: string;
let readings: IncomingHttpHeaders[];
let answer: { status: number; body: string; headers?: Record<string, string> };
let now: number;
const clock = { now: () => Date.now(), monotonic: () => now };
const serve = (...keys: object[]) => {
  answer = { status: 200, body: JSON.stringify({ keys }) };
};
/** A key set of the auth server, which announces the names of its next keys. */
const serveAnnouncing = (names: readonly string[], ...keys: object[]) => {
  answer = { status: 200, body: JSON.stringify({ keys, tokenfence: { next: names.map(hashOfKeyName) } }) };
};
const http = createHttpClient();
afterAll(() => http.close());
const newKeys = () => createJwksKeys({ url, http, clock, clockSkew: SKEW, logger: silent });
/** The `iat` of a token issued now, in s. */
const justNow = () => Math.floor(Date.now() / 1000);
const unavailable = { code: 'SERVICE_UNAVAILABLE' };

beforeEach(async () => {
  readings = [];
  now = 100_000;
  server = createServer((request, response) => {
    readings.push(request.headers);
    response.writeHead(answer.status, answer.headers).end(answer.body);
  });
  url = await listen(server);
});
afterEach(() => closeServer(server));

describe('an id that the set lacks', () => {
  test('is invalid if the set announces other names, at the cost of one reading a second', async () => {
    serveAnnouncing([drawKeyName()], jwkOf('a'));
    const keys = newKeys();
    await keys.reload();
    now += 1000;
    for (let burst = 0; burst < 5; burst++) {
      const found = await Promise.all(
        Array.from({ length: 100 }, (_, i) => keys.verifyingKey(`made-up-${burst}-${i}`, justNow())),
      );
      expect(found.every((key) => key === undefined)).toBe(true);
    }
    // The first reading, one for the whole burst, and one that began after the burst.
    expect(readings.length).toBeLessThanOrEqual(3);
    keys.stop();
  });

  test('costs no reading if the token is older than the set', async () => {
    serveAnnouncing([drawKeyName()], jwkOf('a'));
    const keys = newKeys();
    await keys.reload();
    now += 60_000;
    expect(await keys.verifyingKey('made-up', justNow() - 60)).toBeUndefined();
    expect(readings).toHaveLength(1);
    keys.stop();
  });

  test('of an announced key is found at once, despite made-up ids', async () => {
    const [name, later] = [drawKeyName(), drawKeyName()];
    serveAnnouncing([name], jwkOf('a'));
    const keys = newKeys();
    for (let i = 0; i < 20; i++) await keys.verifyingKey(`made-up-${i}`, justNow()).catch(() => undefined);
    serveAnnouncing([later], jwkOf('a'), jwkOf(`${name}-and-more`));
    now += 200;
    expect(await keys.verifyingKey(`${name}-and-more`, justNow())).toBeDefined();
    keys.stop();
  });

  test('of an announced key is SERVICE_UNAVAILABLE while a cache lacks it', async () => {
    const name = drawKeyName();
    serveAnnouncing([name], jwkOf('a'));
    const keys = newKeys();
    for (let i = 0; i < 5; i++)
      await expect(keys.verifyingKey(`${name}-and-more`, justNow())).rejects.toMatchObject(unavailable);
    expect(readings.length).toBeLessThanOrEqual(2);
    keys.stop();
  });

  test('is SERVICE_UNAVAILABLE if the set is older than the token', async () => {
    serve(jwkOf('a'));
    const keys = newKeys();
    const old: Record<string, string>[] = [
      { age: '50' },
      { date: new Date(Date.now() - 50_000).toUTCString() },
    ];
    for (const headers of old) {
      answer = { ...answer, headers };
      now += 1000;
      await expect(keys.verifyingKey('new', justNow())).rejects.toMatchObject(unavailable);
      expect(await keys.verifyingKey('made-up', justNow() - 60)).toBeUndefined();
    }
    keys.stop();
  });

  test('is SERVICE_UNAVAILABLE if no set could be read', async () => {
    answer = { status: 503, body: '' };
    const keys = newKeys();
    await expect(keys.verifyingKey('b', justNow())).rejects.toMatchObject(unavailable);
    serve(jwkOf('a'), jwkOf('b'));
    now += 1000;
    expect(await keys.verifyingKey('b', justNow())).toBeDefined();
    keys.stop();
  });
});

test('a reading bypasses caches', async () => {
  serve(jwkOf('a'));
  const keys = newKeys();
  await keys.reload();
  expect(readings[0]).toMatchObject({ 'cache-control': 'no-cache' });
  keys.stop();
});

test('a key published during a reading is found by the next', async () => {
  let release: () => void = () => undefined;
  const held = new Promise<void>((resolve) => (release = resolve));
  serve(jwkOf('a'));
  const late = answer;
  let questions = 0;
  server.removeAllListeners('request');
  server.on('request', (_request, response) => {
    questions += 1;
    const body = questions === 1 ? late.body : answer.body;
    void (questions === 1 ? held : Promise.resolve()).then(() => response.writeHead(200).end(body));
  });
  const keys = newKeys();
  const first = keys.verifyingKey('made-up', 0);
  serve(jwkOf('a'), jwkOf('b'));
  now += 1000;
  const second = keys.verifyingKey('b', justNow());
  release();
  expect(await first).toBeUndefined();
  expect(await second).toBeDefined();
  keys.stop();
});

test('while the server is unreachable, the known keys stay in use', async () => {
  const [a, b] = [jwkOf('a'), jwkOf('b')];
  serve(a);
  const keys = newKeys();
  await keys.reload();
  const known = keys.held('a');
  answer = { status: 503, body: '' };
  await keys.reload();
  expect(keys.held('a')).toBe(known);
  serve(a, b);
  await keys.reload();
  expect(keys.held('a')).toBe(known);
  serve(b);
  await keys.reload();
  expect(keys.held('a')).toBeUndefined();
  expect(keys.ids).toEqual(['b']);
  keys.stop();
});

test('without keys each token is SERVICE_UNAVAILABLE', async () => {
  answer = { status: 200, body: 'no JSON' };
  const keys = newKeys();
  await expect(keys.verifyingKey('a', 0)).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE' });
  keys.stop();
});

test('keys that are not public ES256 signature keys are skipped', () => {
  const usable = readJwkSet({
    keys: [
      jwkOf('good'),
      jwkOf('for encryption', { use: 'enc' }),
      jwkOf('another algorithm', { alg: 'ES384' }),
      jwkOf('private', { d: 'secret' }),
      { kty: 'oct', k: 'c2VjcmV0', kid: 'symmetric', alg: 'HS256' },
      { kty: 'EC', crv: 'P-256', x: 'AA', y: 'AA' },
      'nonsense',
      null,
    ],
  });
  expect([...usable.keys()]).toEqual(['good']);
  expect(() => readJwkSet({ keys: 'none' })).toThrow(/Not a JWK Set/);
});
