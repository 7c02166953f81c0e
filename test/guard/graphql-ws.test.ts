import { EventEmitter, on } from 'node:events';
import { GraphQLInt, GraphQLObjectType, GraphQLSchema } from 'graphql';
import type { LoggedRevocation } from '../../src/core/revocation';
import { createGuard, type ServiceGuard } from '../../src/create-guard';
import { graphqlWsGuard, type TellingGuard } from '../../src/guard/graphql-ws';
import type { GuardOptions } from '../../src/guard/guard-options';
import type { Tokens } from '../support/api';
import { eventually } from '../support/eventually';
import { TestSocket } from '../support/socket';
import { ADMIN, createWorld, type TestNode, type World } from '../support/world';
import { serveSockets } from './adapters/graphql-ws';

const ISSUER = 'https://auth.example.com';
/** Long enough for a busy machine: where the view is not current, a new user's token cannot be checked. */
const LEASE = '3s';
const INTROSPECTION_SECRET = 'shared with the services: 9rT2kX7mQv';

const ticks = new EventEmitter();
let touched = 0;

async function* everyTick() {
  for await (const [tick] of on(ticks, 'tick')) yield { tick: tick as number };
}

const schema = new GraphQLSchema({
  query: new GraphQLObjectType({ name: 'Query', fields: { tick: { type: GraphQLInt } } }),
  mutation: new GraphQLObjectType({
    name: 'Mutation',
    fields: { touch: { type: GraphQLInt, resolve: () => ++touched } },
  }),
  subscription: new GraphQLObjectType({
    name: 'Subscription',
    fields: { tick: { type: GraphQLInt, subscribe: everyTick } },
  }),
});

let world: World;
let node: TestNode;
/** Learns of revocations. */
let telling: ServiceGuard;
/** Learns of none: it has to ask each time. */
let asking: ServiceGuard;
let away: ServiceGuard;
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
  away = await newGuard({ redis: 'redis://127.0.0.1:1' });
});
beforeEach(() => eventually(() => expect(telling.status()).toMatchObject({ view: 'current' })));
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});
afterAll(async () => {
  for (const guard of [telling, asking, away]) await guard.close();
  await world.close();
});

const serve = async (guard: TellingGuard, patience?: number) => {
  const { url, close } = await serveSockets(schema, guard, { patience });
  closing.push(close);
  return url;
};
const newUser = () => node.api.register(`socket${++count}@example.com`);
const signIn = (url: string, { accessToken }: Tokens) => TestSocket.signIn(url, accessToken, { path: '/' });
const listening = async (url: string, tokens: Tokens) => {
  const socket = await signIn(url, tokens);
  const before = ticks.listenerCount('tick');
  socket.subscribe('subscription { tick }');
  await eventually(() => expect(ticks.listenerCount('tick')).toBe(before + 1));
  return socket;
};
/** A guard that may be exchanged while its sockets are open. */
const exchangeable = () => {
  const guard = {
    inUse: telling as Pick<ServiceGuard, 'authenticate'>,
    authenticate: (authorization: string | undefined) => guard.inUse.authenticate(authorization),
    onRevocation: () => () => undefined,
  };
  return guard;
};

test('a socket is closed as soon as its token is revoked, and those of others stay open', async () => {
  const url = await serve(telling);
  const [leaver, stayer] = [await newUser(), await newUser()];
  const [gone, other] = [await listening(url, leaver), await listening(url, stayer)];
  const second = await node.api.login(`socket${count - 1}@example.com`);
  const elsewhere = await listening(url, second);
  expect((await node.api.end('logout', leaver.accessToken)).confirmed).toBe(true);
  expect(await gone.closed).toEqual({ code: 4403, reason: 'TOKEN_REVOKED' });
  ticks.emit('tick', 1);
  await eventually(() => expect([other.events, elsewhere.events]).toEqual([[{ tick: 1 }], [{ tick: 1 }]]));
  expect(gone.events).toEqual([]);
  await node.api.end('logoutEverywhere', second.accessToken);
  expect(await elsewhere.closed).toEqual({ code: 4403, reason: 'TOKEN_REVOKED' });
  expect(other.isOpen).toBe(true);
});

test('a revocation between the check and the moment that the socket is let in is not missed', async () => {
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
  expect(await socket.closed).toEqual({ code: 4403, reason: 'TOKEN_REVOKED' });
  expect(socket.of('connection_ack')).toEqual([]);
});

test('a guard that hears of no revocations is asked before every event', async () => {
  const tokens = await newUser();
  const socket = await listening(await serve(asking), tokens);
  ticks.emit('tick', 1);
  await eventually(() => expect(socket.events).toEqual([{ tick: 1 }]));
  await node.api.end('logout', tokens.accessToken);
  ticks.emit('tick', 2);
  expect(await socket.closed).toEqual({ code: 4403, reason: 'TOKEN_REVOKED' });
  expect(socket.events).toEqual([{ tick: 1 }]);
});

test('and before every operation, so that none is run for a token that is revoked', async () => {
  const tokens = await newUser();
  const socket = await signIn(await serve(asking), tokens);
  socket.subscribe('mutation { touch }');
  await socket.receive('next');
  const before = touched;
  await node.api.end('logout', tokens.accessToken);
  socket.subscribe('mutation { touch }', '2');
  expect(await socket.closed).toEqual({ code: 4403, reason: 'TOKEN_REVOKED' });
  expect(touched).toBe(before);
});

test('a socket is closed when its token expires, though nothing is sent', async () => {
  const brief = await createWorld({ redis: null });
  const issuing = await brief.node({ ISSUER, ACCESS_TOKEN_TTL: '2s', INTROSPECTION_SECRET });
  const introspection = { url: `${issuing.url}/oauth/introspect`, secret: INTROSPECTION_SECRET };
  const guard = await newGuard({ jwks: `${issuing.url}/.well-known/jwks.json`, introspection });
  const tokens = await issuing.api.register('brief@example.com');
  const socket = await signIn(await serve(guard), tokens);
  expect(await socket.closed).toEqual({ code: 4401, reason: 'TOKEN_EXPIRED' });
  await guard.close();
  await brief.close();
});

test('an event waits a while for a check that cannot be answered, and is sent when it is good', async () => {
  const guard = exchangeable();
  const socket = await listening(await serve(guard), await newUser());
  let checks = 0;
  guard.inUse = {
    authenticate: (authorization) => (++checks > 1 ? telling : away).authenticate(authorization),
  };
  ticks.emit('tick', 1);
  await eventually(() => expect(socket.events).toEqual([{ tick: 1 }]));
  expect(checks).toBe(2);
});

test('a socket of which it cannot be told for long is closed with "try again later", its event unsent', async () => {
  const guard = exchangeable();
  const socket = await listening(await serve(guard, 100), await newUser());
  guard.inUse = away;
  ticks.emit('tick', 1);
  expect(await socket.closed).toEqual({ code: 1013, reason: 'SERVICE_UNAVAILABLE' });
  expect(socket.events).toEqual([]);
});

test('it hears revocations while there are sockets, and leaves nothing behind when they are gone', async () => {
  let listeners = 0;
  const url = await serve({
    authenticate: (authorization) => telling.authenticate(authorization),
    onRevocation(listener) {
      listeners += 1;
      const stop = telling.onRevocation(listener);
      return () => {
        listeners -= 1;
        stop();
      };
    },
  });
  expect(listeners).toBe(0);
  const sockets = [await listening(url, await newUser()), await signIn(url, await newUser())];
  expect(listeners).toBe(1);
  await sockets[0]!.close();
  expect(listeners).toBe(1);
  await sockets[1]!.close();
  await eventually(() => expect(listeners).toBe(0));
  // And begins again.
  const late = await newUser();
  const socket = await signIn(url, late);
  await node.api.end('logout', late.accessToken);
  expect((await socket.closed).code).toBe(4403);
});

test('when everyone is logged out every socket is closed, however many there are', async () => {
  const url = await serve(telling);
  const tokens = await newUser();
  const sockets = await Promise.all(Array.from({ length: 250 }, () => signIn(url, tokens)));
  const root = await node.api.login(ADMIN.email, ADMIN.password);
  await node.api.end('forceLogoutAll(reason: "a drill")', root.accessToken);
  const codes = await Promise.all(sockets.map(async ({ closed }) => (await closed).code));
  expect(new Set(codes)).toEqual(new Set([4403]));
});

test('a revocation of before the guard began closes the sockets that it refuses, and has no other judged', async () => {
  let tell: (entry: LoggedRevocation, isNews?: boolean) => void = () => undefined;
  let checks = 0;
  const url = await serve({
    authenticate(authorization) {
      checks += 1;
      return telling.authenticate(authorization);
    },
    onRevocation(listener) {
      tell = listener;
      return () => undefined;
    },
  });
  const tokens = await newUser();
  const { id: userId } = tokens.user;
  const session = (sessionId: string): LoggedRevocation => ({
    ...{ kind: 'SESSION', userId, sessionId },
    ...{ id: '1', revokedAt: 0, expiresAt: Date.now() + 900_000 },
  });
  const socket = await signIn(url, tokens);
  const before = checks;
  for (let i = 0; i < 30; i++) tell(session(`another ${i}`), false);
  expect(checks).toBe(before);
  tell(session('another'), true);
  expect(checks).toBe(before + 1);
  tell(session(tokens.session.id), false);
  expect(await socket.closed).toEqual({ code: 4403, reason: 'TOKEN_REVOKED' });
});

test('what has not been let in is served by no other hook', async () => {
  const hooks = graphqlWsGuard(telling);
  const socket = { readyState: 1, close: () => undefined, once: () => undefined };
  const stranger = { extra: { socket }, connectionParams: {} };
  expect(() => hooks.context(stranger)).toThrow(/never let in/);
  await expect(hooks.onSubscribe(stranger)).rejects.toThrow(/never let in/);
  await expect(hooks.onNext(stranger)).rejects.toThrow(/never let in/);
});
