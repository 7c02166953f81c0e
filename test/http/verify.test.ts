import { type AddressInfo, connect } from 'node:net';
import fastify, { type FastifyInstance } from 'fastify';
import { addVerify } from '../../src/http/verify';
import { FakeGuard, newToken, textOf } from '../support/fake-guard';

const logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};
const guard = new FakeGuard();
const TOKEN = `Bearer ${textOf(newToken())}`;

let app: FastifyInstance;
beforeAll(async () => {
  app = fastify();
  addVerify(app, { guard, logger });
  await app.register(
    (scope, _options, done) => {
      addVerify(scope, { guard, logger });
      done();
    },
    { prefix: '/auth' },
  );
  await app.register(
    (scope, _options, done) => {
      scope.get('/verify', () => 'a page of the application');
      addVerify(scope, { guard, logger });
      done();
    },
    { prefix: '/own' },
  );
  await app.listen({ host: '127.0.0.1', port: 0 });
});
afterAll(() => app.close());

/** Sends one request as it is, and resolves with the status. */
function statusOf(target: string, method = 'GET', head = ''): Promise<number> {
  const { port } = app.server.address() as AddressInfo;
  return new Promise((resolve, reject) => {
    let text = '';
    const connection = connect(port, '127.0.0.1', () =>
      connection.write(
        `${method} ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: ${TOKEN}\r\n${head}\r\n`,
      ),
    );
    connection.on('data', (data) => (text += data.toString()));
    connection.on('error', reject);
    connection.on('close', () => resolve(Number(text.split(' ')[1])));
  });
}

test.each([
  ['/verify', 200],
  ['/verify?role=ADMIN', 403],
  ['/verify?rol=ADMIN', 400],
  ['/verify/for/x?role=ADMIN', 200],
  ['/auth/verify', 200],
  ['/auth/verify?role=ADMIN', 403],
  ['/auth/verify/for/x?role=ADMIN', 200],
  ['/verify/', 404],
  ['/verify/x', 404],
  ['/auth/auth/verify', 404],
  // The router decodes these.
  ['/verif%79', 404],
  ['/%76erify?role=ADMIN', 404],
  ['/verify%2Ffor%2Fx', 404],
  ['/auth/verif%79', 404],
  ['/verify/%66or/x', 404],
  ['http://x/verify', 404],
])('an application answers %s with %i', async (target, status) => {
  expect(await statusOf(target)).toBe(status);
});

test('every method is answered, and no body is waited for', async () => {
  for (const method of ['HEAD', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'])
    expect(await statusOf('/verify', method, 'Content-Type: text/x\r\nContent-Length: 99\r\n')).toBe(200);
});

test('a route of the application stays', async () => {
  expect((await app.inject('/own/verify?any=query')).body).toBe('a page of the application');
});
