import { generateKeyPairSync } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createHttpClient } from '../../src/http-client/http-client';
import { createJwksKeys, readJwkSet } from '../../src/tokens/jwks-keys';

const jwkOf = (kid: string, more: object = {}) => {
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return { ...publicKey.export({ format: 'jwk' }), kid, alg: 'ES256', use: 'sig', ...more };
};
const silent = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

let server: Server;
let url: string;
let readings: number;
let answer: { status: number; body: string };
let now: number;
const clock = { now: () => Date.now(), monotonic: () => now };
const serve = (...keys: object[]) => {
  answer = { status: 200, body: JSON.stringify({ keys }) };
};
const http = createHttpClient();
afterAll(() => http.close());
const newKeys = () => createJwksKeys({ url, http, clock, logger: silent, cooldown: 1000 });

beforeEach(async () => {
  readings = 0;
  now = 100_000;
  server = createServer((_request, response) => {
    readings += 1;
    response.writeHead(answer.status, { 'content-type': 'application/json' }).end(answer.body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(() => new Promise((resolve) => server.close(resolve)));

test('unknown ids share readings, and then wait for the cool-down: nobody can hammer the server', async () => {
  serve(jwkOf('a'));
  const keys = newKeys();
  for (let burst = 0; burst < 5; burst++) {
    await Promise.allSettled(
      Array.from({ length: 100 }, (_, i) => keys.verifyingKey(`made-up-${burst}-${i}`)),
    );
  }
  expect(readings).toBe(3);
  expect(await keys.verifyingKey('a')).toBeDefined();
  now += 1000;
  serve(jwkOf('a'), jwkOf('b'));
  expect(await keys.verifyingKey('b')).toBeDefined();
  expect(readings).toBe(4);
  keys.stop();
});

test('a made-up id does not keep a new key from being found', async () => {
  serve(jwkOf('a'));
  const keys = newKeys();
  expect(await keys.verifyingKey('made-up')).toBeUndefined();
  serve(jwkOf('a'), jwkOf('b'));
  expect(await keys.verifyingKey('b')).toBeDefined();
  keys.stop();
});

test('an id that could not be looked up cannot be told: it is not called unknown', async () => {
  serve(jwkOf('a'));
  const keys = newKeys();
  for (let i = 0; i < 3; i++) expect(await keys.verifyingKey(`made-up-${i}`)).toBeUndefined();
  await expect(keys.verifyingKey('b')).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE' });
  now += 1000;
  answer = { status: 503, body: '' };
  await expect(keys.verifyingKey('b')).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE' });
  serve(jwkOf('a'), jwkOf('b'));
  expect(await keys.verifyingKey('b')).toBeDefined();
  keys.stop();
});

test('a key that was published while a reading was under way is found by the next', async () => {
  let release: () => void = () => undefined;
  const held = new Promise<void>((resolve) => (release = resolve));
  serve(jwkOf('a'));
  const late = answer;
  server.removeAllListeners('request');
  server.on('request', (_request, response) => {
    readings += 1;
    const body = readings === 1 ? late.body : answer.body;
    void (readings === 1 ? held : Promise.resolve()).then(() => response.writeHead(200).end(body));
  });
  const keys = newKeys();
  const first = keys.verifyingKey('made-up');
  serve(jwkOf('a'), jwkOf('b'));
  const second = keys.verifyingKey('b');
  release();
  expect(await first).toBeUndefined();
  expect(await second).toBeDefined();
  keys.stop();
});

test('while the server is away the keys that are known stay in use, and one that comes back is the same', async () => {
  const [a, b] = [jwkOf('a'), jwkOf('b')];
  serve(a);
  const keys = newKeys();
  await keys.reload();
  const known = keys.held('a');
  answer = { status: 503, body: '' };
  await expect(keys.reload()).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE' });
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

test('without any keys nothing can be told', async () => {
  answer = { status: 200, body: 'no JSON' };
  const keys = newKeys();
  await expect(keys.verifyingKey('a')).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE' });
  keys.stop();
});

test('what is no public ES256 key for signatures is passed over', () => {
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
  expect(() => readJwkSet({ keys: 'none' })).toThrow(/no JWK Set/);
});
