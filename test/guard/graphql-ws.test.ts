import { createGuard, type ServiceGuard } from '../../src/guard/create-guard';
import { graphqlWsGuard, type TellingGuard } from '../../src/guard/graphql-ws';
import type { GuardOptions } from '../../src/guard/guard-options';
import type { Tokens } from '../support/api';
import { eventually } from '../support/eventually';
import { TestSocket } from '../support/socket';
import { createWorld, type TestNode, type World } from '../support/world';
import { serveSockets } from './adapters/graphql-ws';
import { listenToTicks, ticks, tickSchema, touched } from './socket-servers';

// With the guard of a service and a real auth server. The rest is in sockets.test.ts.

const ISSUER = 'https://auth.example.com';
/** Long enough for a busy machine: while the view is not current, a new user's token cannot be checked. */
const LEASE = '3s';
const INTROSPECTION_SECRET = 'shared with the services: 9rT2kX7mQv';
const REVOKED = { code: 4403, reason: 'TOKEN_REVOKED' };

let world: World;
let node: TestNode;
/** Has a view. */
let telling: ServiceGuard;
/** Has no view, so it asks by introspection each time. */
let asking: ServiceGuard;
let count = 0;
const closing: (() => Promise<unknown>)[] = [];

const newGuard = (options: Partial<GuardOptions>) =>
  createGuard({
    issuer: ISSUER,
    audience: 'api',
    jwks: `${node.url}/.well-known/jwks.json`,
    clockSkew: 0,
    ...options,
  });

beforeAll(async () => {
  world = await createWorld();
  node = await world.node({ ISSUER, INTROSPECTION_SECRET, REVOCATION_LEASE: LEASE });
  telling = await newGuard({ redis: world.redisUrl });
  const url = `${node.url}/oauth/introspect`;
  asking = await newGuard({ introspection: { url, secret: INTROSPECTION_SECRET, rememberFor: 0 } });
});
beforeEach(() => eventually(() => expect(telling.status()).toMatchObject({ view: 'current' })));
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});
afterAll(async () => {
  for (const guard of [telling, asking]) await guard.close();
  await world.close();
});

const serve = async (guard: TellingGuard) => {
  const { url, close } = await serveSockets(tickSchema, guard);
  closing.push(close);
  return url;
};
const newUser = () => node.api.register(`socket${++count}@example.com`);
const signIn = (url: string, { accessToken }: Tokens) => TestSocket.signIn(url, accessToken, { path: '/' });
const listening = async (url: string, tokens: Tokens) => {
  const socket = await signIn(url, tokens);
  await listenToTicks(socket);
  return socket;
};

test('a socket is closed as soon as its token is revoked, and the others stay open', async () => {
  const url = await serve(telling);
  const [leaver, stayer] = [await newUser(), await newUser()];
  const [gone, other] = [await listening(url, leaver), await listening(url, stayer)];
  const second = await node.api.login(`socket${count - 1}@example.com`);
  const elsewhere = await listening(url, second);
  expect((await node.api.end('logout', leaver.accessToken)).confirmed).toBe(true);
  expect(await gone.closed).toEqual(REVOKED);
  ticks.emit('tick', 1);
  await eventually(() => expect([other.events, elsewhere.events]).toEqual([[{ tick: 1 }], [{ tick: 1 }]]));
  expect(gone.events).toEqual([]);
  await node.api.end('logoutEverywhere', second.accessToken);
  expect(await elsewhere.closed).toEqual(REVOKED);
  expect(other.isOpen).toBe(true);
});

test('a revocation between the check and the joining of the index is not missed', async () => {
  const tokens = await newUser();
  let checks = 0;
  const url = await serve({
    async authenticate(authorization) {
      const auth = await telling.authenticate(authorization);
      if (++checks > 1) return auth;
      await node.api.end('logout', tokens.accessToken);
      await eventually(async () =>
        expect(await telling.authenticate(authorization)).toMatchObject({ code: 'TOKEN_REVOKED' }),
      );
      return auth;
    },
    onRevocation: (listener) => telling.onRevocation(listener),
  });
  const socket = await TestSocket.open(url, { path: '/' });
  socket.send({ type: 'connection_init', payload: { authorization: `Bearer ${tokens.accessToken}` } });
  expect(await socket.closed).toEqual(REVOKED);
  expect(socket.of('connection_ack')).toEqual([]);
});

test('the guard refuses what it announces', async () => {
  const tokens = await newUser();
  const authorization = `Bearer ${tokens.accessToken}`;
  const answers: Promise<unknown>[] = [];
  const stop = telling.onRevocation((revocation) => {
    if (revocation.kind === 'SESSION' && revocation.sessionId === tokens.session.id)
      answers.push(telling.authenticate(authorization));
  });
  await node.api.end('logout', tokens.accessToken);
  await eventually(() => expect(answers).toHaveLength(1));
  expect(await answers[0]).toMatchObject({ ok: false, code: 'TOKEN_REVOKED' });
  stop();
});

test('without a view, the guard is asked before every event', async () => {
  const tokens = await newUser();
  const socket = await listening(await serve(asking), tokens);
  ticks.emit('tick', 1);
  await eventually(() => expect(socket.events).toEqual([{ tick: 1 }]));
  await node.api.end('logout', tokens.accessToken);
  ticks.emit('tick', 2);
  expect(await socket.closed).toEqual(REVOKED);
  expect(socket.events).toEqual([{ tick: 1 }]);
});

test('and before every operation: none runs for a revoked token', async () => {
  const tokens = await newUser();
  const socket = await signIn(await serve(asking), tokens);
  socket.subscribe('mutation { touch }');
  await socket.receive('next');
  const before = touched.times;
  await node.api.end('logout', tokens.accessToken);
  socket.subscribe('mutation { touch }', '2');
  expect(await socket.closed).toEqual(REVOKED);
  expect(touched.times).toBe(before);
});

test('the other hooks serve no socket that has not signed in', async () => {
  const hooks = graphqlWsGuard(telling);
  const socket = { readyState: 1, close: () => undefined, once: () => undefined };
  const stranger = { extra: { socket }, connectionParams: {} };
  expect(() => hooks.context(stranger)).toThrow(/has not signed in/);
  await expect(hooks.onSubscribe(stranger)).rejects.toThrow(/has not signed in/);
  await expect(hooks.onNext(stranger)).rejects.toThrow(/has not signed in/);
});
