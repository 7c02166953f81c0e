import { createGuard, type ServiceGuard } from '../../src/guard/create-guard';
import { graphqlWsGuard, type TellingGuard } from '../../src/guard/graphql-ws';
import type { Tokens } from '../support/api';
import { eventually } from '../support/eventually';
import { REVOKED } from '../support/guarded-sockets';
import { ISSUER, trusting, untilGuardIsCurrent } from '../support/guards';
import { TestSocket } from '../support/socket';
import { createWorld, type TestNode, type World } from '../support/world';
import { serveSockets } from './adapters/graphql-ws';
import { listenToTicks, ticks, tickSchema, touched } from './socket-servers';

// With the guard of a service and a real auth server. The rest is in sockets.test.ts.

/** Long enough for a busy machine: while the view is not current, a new user's token cannot be checked. */
const LEASE = '3s';
const INTROSPECTION_SECRET = 'shared with the services: 9rT2kX7mQv';

let world: World;
let node: TestNode;
/** Has a view. */
let telling: ServiceGuard;
/** Has no view, so it asks by introspection each time. */
let asking: ServiceGuard;
const closing: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  world = await createWorld();
  node = await world.node({ ISSUER, INTROSPECTION_SECRET, REVOCATION_LEASE: LEASE });
  telling = await createGuard({ ...trusting(node), redis: world.redisUrl });
  const url = `${node.url}/oauth/introspect`;
  asking = await createGuard({
    ...trusting(node),
    introspection: { url, secret: INTROSPECTION_SECRET, rememberFor: 0 },
  });
});
beforeEach(() => untilGuardIsCurrent(telling));
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
const listening = async (url: string, { accessToken }: Tokens) => {
  const socket = await TestSocket.signIn(url, accessToken);
  await listenToTicks(socket);
  return socket;
};

test('a socket is closed as soon as its token is revoked, and the others stay open', async () => {
  const url = await serve(telling);
  const [leaver, stayer] = [await node.api.newUser(), await node.api.newUser()];
  const [gone, other] = [await listening(url, leaver), await listening(url, stayer)];
  const second = await node.api.login(leaver.user.email);
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
  const tokens = await node.api.newUser();
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
  const socket = await TestSocket.open(url);
  socket.send({ type: 'connection_init', payload: { authorization: `Bearer ${tokens.accessToken}` } });
  expect(await socket.closed).toEqual(REVOKED);
  expect(socket.of('connection_ack')).toEqual([]);
});

test('the guard refuses what it announces', async () => {
  const tokens = await node.api.newUser();
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
  const tokens = await node.api.newUser();
  const socket = await listening(await serve(asking), tokens);
  ticks.emit('tick', 1);
  await eventually(() => expect(socket.events).toEqual([{ tick: 1 }]));
  await node.api.end('logout', tokens.accessToken);
  ticks.emit('tick', 2);
  expect(await socket.closed).toEqual(REVOKED);
  expect(socket.events).toEqual([{ tick: 1 }]);
});

test('and before every operation: none runs for a revoked token', async () => {
  const tokens = await node.api.newUser();
  const socket = await TestSocket.signIn(await serve(asking), tokens.accessToken);
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
