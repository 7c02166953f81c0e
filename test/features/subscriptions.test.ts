import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { createClient } from 'graphql-ws';
import { WebSocket } from 'ws';
import { ADMIN, type Tokens } from '../support/api';
import { eventually } from '../support/eventually';
import { startProxy } from '../support/proxy';
import { refusedWith, TestSocket } from '../support/socket';
import { createWorld, startNode, type TestNode, type World } from '../support/world';

const SESSION_ENDED = 'subscription { sessionEnded { sessionId scope endedAt current } }';
const REVOCATIONS =
  'subscription { revocations { id kind userId sessionId tokenId tokenVersion globalVersion keyId revokedAt expiresAt } }';

let world: World;
let node: TestNode;
let production: TestNode;
let admin: Tokens;
let count = 0;
const open: TestSocket[] = [];

beforeAll(async () => {
  world = await createWorld();
  [node, production] = await Promise.all([
    world.node({
      CORS_ORIGINS: 'https://app.example.com',
      TRUST_PROXY: '1',
      ISSUER: 'https://auth.example.com',
    }),
    world.node({ NODE_ENV: 'production', ISSUER: 'https://auth.example.com' }),
  ]);
});
beforeEach(async () => {
  admin = await node.api.login(ADMIN.email, ADMIN.password);
});
afterEach(() => {
  for (const socket of open.splice(0)) socket.raw.terminate();
});
afterAll(() => world.close());

const newUser = async () => {
  const email = `socket${++count}@example.com`;
  return { email, tokens: await node.api.register(email) };
};

const signIn = async ({ accessToken }: Tokens, to = node) => {
  const socket = await TestSocket.signIn(to.url, accessToken);
  open.push(socket);
  return socket;
};

const openSocket = async (options = {}, to = node) => {
  const socket = await TestSocket.open(to.url, options);
  open.push(socket);
  return socket;
};

const listenTo = async (tokens: Tokens, query = SESSION_ENDED) => {
  const socket = await signIn(tokens);
  await socket.listen(query);
  return socket;
};

const expectRevoked = async (socket: TestSocket) =>
  expect(await socket.closed).toEqual({ code: 4403, reason: 'TOKEN_REVOKED' });

/** A round trip: what the server has sent before has come. */
const settle = async (socket: TestSocket) => {
  const pongs = socket.of('pong').length;
  socket.send({ type: 'ping' });
  await eventually(() => expect(socket.of('pong').length).toBe(pongs + 1));
};

describe('sessionEnded', () => {
  test('reports the logout of another session, and the socket stays open', async () => {
    const { email, tokens } = await newUser();
    const phone = await node.api.login(email);
    const socket = await listenTo(tokens);
    const { revokedAt } = await node.api.end('logout', phone.accessToken);
    await socket.receive('next');
    await settle(socket);
    expect(socket.events).toEqual([
      { sessionEnded: { sessionId: phone.session.id, scope: 'SESSION', endedAt: revokedAt, current: false } },
    ]);
    expect(socket.isOpen).toBe(true);
  });

  test('does not report the sessions of other users', async () => {
    const { tokens } = await newUser();
    const stranger = await newUser();
    const witness = await listenTo(admin, REVOCATIONS);
    const socket = await listenTo(tokens);
    await node.api.end('logoutEverywhere', stranger.tokens.accessToken);
    await witness.receive('next');
    await settle(socket);
    expect(socket.events).toEqual([]);
  });

  test('serves the client of graphql-ws', async () => {
    const { email, tokens } = await newUser();
    const phone = await node.api.login(email);
    const client = createClient({
      url: `${node.url.replace('http', 'ws')}/graphql`,
      webSocketImpl: WebSocket,
      connectionParams: { authorization: `Bearer ${tokens.accessToken}` },
      retryAttempts: 0,
    });
    const acknowledged = new Promise<void>((resolve) => void client.on('connected', () => resolve()));
    const events = client.iterate({ query: SESSION_ENDED });
    const first = events.next();
    await acknowledged;
    // The client sends its subscription after the acknowledgement; the server gets it a moment later.
    await node.api.me(tokens.accessToken);
    await node.api.end('logout', phone.accessToken);
    expect((await first).value).toMatchObject({ data: { sessionEnded: { sessionId: phone.session.id } } });
    const next = events.next();
    await node.api.end('logoutEverywhere', tokens.accessToken);
    expect((await next).value).toMatchObject({ data: { sessionEnded: { sessionId: null, current: true } } });
    await expect(events.next()).rejects.toMatchObject({ code: 4403, reason: 'TOKEN_REVOKED' });
  });

  test('reads the token from either spelling of the header’s name', async () => {
    const { tokens } = await newUser();
    const socket = await openSocket();
    socket.send({ type: 'connection_init', payload: { Authorization: `Bearer ${tokens.accessToken}` } });
    await socket.receive('connection_ack');
  });
});

describe('a socket whose token is revoked gets its last event and is closed at once', () => {
  const expectLast = async (socket: TestSocket, event: object) => {
    await expectRevoked(socket);
    expect(socket.events).toEqual([{ sessionEnded: expect.objectContaining({ ...event, current: true }) }]);
    // The client would take the subscription for completed.
    expect(socket.of('complete')).toEqual([]);
  };

  test('after logout', async () => {
    const { tokens } = await newUser();
    const socket = await listenTo(tokens);
    await node.api.end('logout', tokens.accessToken);
    await expectLast(socket, { scope: 'SESSION', sessionId: tokens.session.id });
  });

  test('after logoutSession from another device', async () => {
    const { email, tokens } = await newUser();
    const phone = await node.api.login(email);
    const [socket, phoneSocket] = [await listenTo(tokens), await listenTo(phone)];
    await node.api.end(`logoutSession(sessionId: "${phone.session.id}")`, tokens.accessToken);
    await expectLast(phoneSocket, { scope: 'SESSION', sessionId: phone.session.id });
    await settle(socket);
    expect(socket.isOpen).toBe(true);
  });

  test.each([
    ['logoutEverywhere', () => 'logoutEverywhere', 'own'],
    ['deleteAccount', () => 'deleteAccount(password: "correct horse battery")', 'own'],
    ['forceLogout', ({ user }: Tokens) => `forceLogout(userId: "${user.id}")`, 'admin'],
  ] as const)('after %s', async (_name, mutation, by) => {
    const { email, tokens } = await newUser();
    const sockets = [await listenTo(tokens), await listenTo(await node.api.login(email))];
    await node.api.end(mutation(tokens), (by === 'own' ? tokens : admin).accessToken);
    for (const socket of sockets) await expectLast(socket, { scope: 'USER', sessionId: null });
  });

  test.each([
    ['disableUser', (id: string) => `disableUser(userId: "${id}") { id }`],
    ['setRole', (id: string) => `setRole(userId: "${id}", role: ADMIN) { id }`],
  ])('after %s', async (_name, mutation) => {
    const { tokens } = await newUser();
    const socket = await listenTo(tokens);
    node.api.expect(await node.api.send(`mutation { ${mutation(tokens.user.id)} }`, {}, admin.accessToken));
    await expectLast(socket, { scope: 'USER', sessionId: null });
  });

  test('after forceLogoutAll, the administrator’s socket too', async () => {
    const users = await Promise.all([newUser(), newUser(), newUser()]);
    const sockets = await Promise.all(
      [admin, ...users.map(({ tokens }) => tokens)].map((each) => listenTo(each)),
    );
    await node.api.end('forceLogoutAll(reason: "test")', admin.accessToken);
    for (const socket of sockets) await expectLast(socket, { scope: 'EVERYONE', sessionId: null });
  });

  test('after rotateSigningKey with revokeOld, but not without it', async () => {
    const { tokens } = await newUser();
    const socket = await listenTo(tokens);
    const rotate = (revokeOld: boolean) =>
      node.api.send(`mutation { rotateSigningKey(revokeOld: ${revokeOld}) { id } }`, {}, admin.accessToken);
    node.api.expect(await rotate(false));
    await settle(socket);
    expect(socket.isOpen).toBe(true);
    node.api.expect(await rotate(true));
    await expectLast(socket, { scope: 'EVERYONE', sessionId: null });
  });

  test('even if it has no subscription', async () => {
    const { tokens } = await newUser();
    const socket = await signIn(tokens);
    await node.api.end('logoutEverywhere', tokens.accessToken);
    await expectRevoked(socket);
    expect(socket.of('next')).toEqual([]);
  });

  test('without waiting for a store', async () => {
    const redis = await startProxy(world.redisUrl!);
    const postgres = await startProxy(world.databaseUrl);
    const own = await startNode({ DATABASE_URL: postgres.url, REDIS_URL: redis.url });
    try {
      const tokens = await own.api.register(`socket${++count}@example.com`);
      const socket = await TestSocket.signIn(own.url, tokens.accessToken);
      open.push(socket);
      await socket.listen(SESSION_ENDED);
      redis.cut();
      await own.api.end('logout', tokens.accessToken);
      await expectRevoked(socket);
    } finally {
      await own.close();
      await Promise.all([redis.close(), postgres.close()]);
    }
  });
});

describe('revocations', () => {
  test('reports every revocation to an administrator, with all that it names', async () => {
    const socket = await listenTo(admin, REVOCATIONS);
    const { tokens } = await newUser();
    const { revokedAt } = await node.api.end('logout', tokens.accessToken);
    const again = await newUser();
    await node.api.end('logoutEverywhere', again.tokens.accessToken);
    await eventually(() => expect(socket.events).toHaveLength(3));
    const nothing = {
      userId: null,
      sessionId: null,
      tokenId: null,
      tokenVersion: null,
      globalVersion: null,
      keyId: null,
      id: expect.stringMatching(/^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/),
      revokedAt: expect.any(String),
      expiresAt: expect.any(String),
    };
    const userId = tokens.user.id;
    expect(socket.events.map((event) => event.revocations)).toEqual([
      { ...nothing, kind: 'SESSION', userId, sessionId: tokens.session.id, revokedAt },
      { ...nothing, kind: 'TOKEN', userId, tokenId: expect.any(String) },
      { ...nothing, kind: 'USER', userId: again.tokens.user.id, tokenVersion: 2 },
    ]);
  });

  test('is refused to a user, with the reason', async () => {
    const { tokens } = await newUser();
    const socket = await listenTo(tokens, REVOCATIONS);
    expect((await socket.receive('next')).payload.errors).toEqual([
      expect.objectContaining({ extensions: { code: 'FORBIDDEN' } }),
    ]);
    await socket.receive('complete');
    expect(socket.isOpen).toBe(true);
  });

  test('sends nothing on a revoked token, even if this node was not told of the revocation', async () => {
    // Without Redis each event is checked in Postgres. There the token is revoked behind the server's back.
    const own = await createWorld({ redis: null });
    try {
      const alone = await own.node();
      const root = await alone.api.login(ADMIN.email, ADMIN.password);
      const someone = await alone.api.register('someone@example.com');
      const watcher = await TestSocket.signIn(alone.url, root.accessToken);
      open.push(watcher);
      await watcher.listen(REVOCATIONS);
      await own.sql('update users set token_version = token_version + 1 where id = $1', [root.user.id]);
      await alone.api.end('logout', someone.accessToken);
      await expectRevoked(watcher);
      expect(watcher.events).toEqual([]);
    } finally {
      await own.close();
    }
  });
});

describe('the sign-in refuses', () => {
  test.each([
    ['no parameters', undefined, 4403, 'TOKEN_MISSING'],
    ['an empty token', { authorization: '' }, 4403, 'TOKEN_MISSING'],
    ['no Bearer', { authorization: 'Basic YTpi' }, 4403, 'TOKEN_INVALID'],
    ['a forged token', { authorization: 'Bearer a.b.c' }, 4403, 'TOKEN_INVALID'],
    ['a token that is not a text', { authorization: { Bearer: 1 } }, 4403, 'TOKEN_INVALID'],
  ])('%s', async (_name, payload, code, reason) => {
    const socket = await openSocket();
    socket.send({ type: 'connection_init', payload });
    expect(await socket.closed).toEqual({ code, reason });
    expect(socket.messages).toEqual([]);
  });

  test('a revoked token', async () => {
    const { tokens } = await newUser();
    await node.api.end('logout', tokens.accessToken);
    const socket = await openSocket();
    socket.send({ type: 'connection_init', payload: { authorization: `Bearer ${tokens.accessToken}` } });
    await expectRevoked(socket);
  });

  test('an expired token with 4401, and a token that expires closes its sockets with 4401', async () => {
    const brief = await world.node({
      ACCESS_TOKEN_TTL: '5s',
      CLOCK_SKEW: '0s',
      ISSUER: 'https://auth.example.com',
    });
    const { accessToken } = await brief.api.register(`socket${++count}@example.com`);
    const socket = await TestSocket.signIn(brief.url, accessToken);
    open.push(socket);
    const expired = { code: 4401, reason: 'TOKEN_EXPIRED' };
    expect(await socket.closed).toEqual(expired);
    const late = await openSocket({}, brief);
    late.send({ type: 'connection_init', payload: { authorization: `Bearer ${accessToken}` } });
    expect(await late.closed).toEqual(expired);
  });

  test('a token that no store can check, with "try again later"', async () => {
    const postgres = await startProxy(world.databaseUrl);
    const own = await startNode({ DATABASE_URL: postgres.url, REDIS_URL: world.redisUrl });
    const redis = await startProxy(world.redisUrl!);
    const both = await startNode({ DATABASE_URL: postgres.url, REDIS_URL: redis.url });
    try {
      const { accessToken } = await both.api.register(`socket${++count}@example.com`);
      redis.cut();
      postgres.cut();
      // The view is current until its lease is over.
      await eventually(async () => expect((await fetch(`${both.url}/readyz`)).status).toBe(503));
      const socket = await openSocket({}, both);
      socket.send({ type: 'connection_init', payload: { authorization: `Bearer ${accessToken}` } });
      expect(await socket.closed).toEqual({ code: 1013, reason: 'SERVICE_UNAVAILABLE' });
    } finally {
      await Promise.all([own.close(), both.close()]);
      await Promise.all([redis.close(), postgres.close()]);
    }
  });

  test('a subscription before the sign-in', async () => {
    const socket = await openSocket();
    socket.subscribe(SESSION_ENDED);
    expect((await socket.closed).code).toBe(4401);
  });
});

describe('sockets serve subscriptions only, under the limits of HTTP', () => {
  let socket: TestSocket;
  beforeEach(async () => {
    socket = await signIn(admin);
  });

  const errorOf = async (query: string, variables?: object) => {
    socket.subscribe(query, 'asked', variables);
    const { payload } = await socket.receive('error');
    expect(socket.isOpen).toBe(true);
    return payload[0];
  };
  const coded = (code: string) => expect.objectContaining({ extensions: { code } });

  test('a query is refused', async () => {
    expect(await errorOf('{ me { id } }')).toMatchObject({
      message: 'Only subscriptions are served over WebSocket. Send queries and mutations by POST.',
      extensions: { code: 'BAD_REQUEST' },
    });
  });

  test('a mutation is refused and does not run', async () => {
    expect(await errorOf('mutation { logoutEverywhere { confirmed } }')).toEqual(coded('BAD_REQUEST'));
    expect((await node.api.me(admin.accessToken)).status).toBe(200);
  });

  test('an unknown operation, or an unnamed one of several, is refused', async () => {
    const FIELD = '{ sessionEnded { current } }';
    expect(await errorOf(`subscription a ${FIELD} subscription b ${FIELD}`)).toEqual(
      coded('OPERATION_RESOLUTION_FAILURE'),
    );
  });

  test('a document that is not GraphQL is refused, and no part of it is sent back', async () => {
    const error = await errorOf('subscription "a password nobody may read" {');
    expect(error).toEqual(coded('GRAPHQL_PARSE_FAILED'));
    expect(JSON.stringify(error)).not.toContain('nobody may read');
  });

  test('a document of too many tokens is refused', async () => {
    expect(await errorOf(`subscription { sessionEnded { ${'current '.repeat(1500)} } }`)).toEqual(
      coded('GRAPHQL_PARSE_FAILED'),
    );
  });

  test('an unknown field is refused', async () => {
    expect(await errorOf('subscription { passwords }')).toEqual(coded('GRAPHQL_VALIDATION_FAILED'));
  });

  test('a variable of the wrong type is refused, and no part of it is sent back', async () => {
    const query = 'subscription($a: Boolean!) { sessionEnded { current @include(if: $a) } }';
    const error = await errorOf(query, { a: 'a password' });
    expect(error).toEqual(coded('BAD_USER_INPUT'));
    expect(JSON.stringify(error)).not.toContain('a password');
  });

  test('a skipped subscription is refused, and no part of it is logged', async () => {
    for (const directive of ['@skip(if: null)', '@include', '@skip(if: $if)']) {
      const query = `subscription S($if: Boolean!) { sessionEnded ${directive} { current } } query Zebra7Quartz { me { id } }`;
      expect(await errorOf(query, { if: true })).toEqual(coded('GRAPHQL_VALIDATION_FAILED'));
    }
    expect(node.log.join('\n')).not.toContain('Zebra7Quartz');
  });

  test('a subscription of two fields is refused', async () => {
    expect(await errorOf('subscription { sessionEnded { current } revocations { id } }')).toEqual(
      coded('GRAPHQL_VALIDATION_FAILED'),
    );
  });

  test('an operation that costs too much is refused', async () => {
    // Nested fragments: a short document with very many fields.
    const depth = 12;
    const fragments = Array.from({ length: depth }, (_, level) => {
      const inner = level === depth - 1 ? 'current' : `...f${level + 1} ...f${level + 1} ...f${level + 1}`;
      return `fragment f${level} on SessionEnded { ${inner} }`;
    });
    expect(await errorOf(`subscription { sessionEnded { ...f0 } } ${fragments.join(' ')}`)).toEqual(
      coded('BAD_USER_INPUT'),
    );
  });

  test('an eleventh subscription is refused, until another one ends', async () => {
    for (let id = 0; id < 10; id++) socket.subscribe(SESSION_ENDED, `${id}`);
    expect(await errorOf(SESSION_ENDED)).toEqual(coded('BAD_USER_INPUT'));
    socket.send({ type: 'complete', id: '0' });
    await socket.listen(SESSION_ENDED, 'another');
    expect(socket.of('error')).toHaveLength(1);
  });

  test('production does not reveal its schema', async () => {
    const own = await signIn(admin, production);
    for (const [id, query] of Object.entries({
      a: '{ __schema { queryType { name } } }',
      b: 'subscription { __schema { queryType { name } } }',
      c: 'subscription { sessionEnded { __type(name: "User") { name } } }',
      d: 'subscription { __type(name: "User") { name } }',
    })) {
      own.subscribe(query, id);
    }
    await eventually(() => expect(own.of('error')).toHaveLength(4));
    expect(own.of('next')).toEqual([]);
  });
});

describe('bad clients', () => {
  test.each([
    ['a text that is not JSON', 'hello'],
    ['a message without a type', '{}'],
    ['an unknown type', '{"type":"hello"}'],
    ['a message that only servers send', '{"type":"next","id":"1","payload":{}}'],
    ['a subscription without a query', '{"type":"subscribe","id":"1","payload":{}}'],
    ['deeply nested JSON', '['.repeat(8000)],
  ])('%s closes the socket', async (_name, message) => {
    const socket = await signIn(admin);
    socket.send(message);
    expect((await socket.closed).code).toBe(4400);
    expect((await fetch(`${node.url}/healthz`)).status).toBe(200);
  });

  test('binary data closes the socket', async () => {
    const socket = await signIn(admin);
    socket.raw.send(Buffer.from([0xff, 0xfe]), { binary: true });
    expect((await socket.closed).code).toBe(4400);
  });

  test('a message that is too large closes the socket', async () => {
    const socket = await signIn(admin);
    socket.send('x'.repeat(17 * 1024));
    expect((await socket.closed).code).toBe(1009);
  });

  test('a second sign-in closes the socket, and so does an id that is in use', async () => {
    const twice = await signIn(admin);
    twice.send({ type: 'connection_init', payload: {} });
    expect((await twice.closed).code).toBe(4429);
    const taken = await listenTo(admin);
    taken.subscribe(SESSION_ENDED);
    expect((await taken.closed).code).toBe(4409);
  });

  test('another protocol, or none, is refused', async () => {
    const none = await openSocket({ protocol: '' });
    expect((await none.closed).code).toBe(4406);
    const old = new WebSocket(`${node.url.replace('http', 'ws')}/graphql`, 'graphql-ws');
    const [error] = (await once(old, 'error')) as [Error];
    expect(error.message).toContain('subprotocol');
  });

  /** Sends a text, and returns all that the server sends until it ends the connection. */
  const converse = (text: string) =>
    new Promise<string>((resolve, reject) => {
      const { hostname, port } = new URL(node.url);
      const connection = connect(Number(port), hostname, () => connection.write(text));
      let answer = '';
      connection.on('data', (data) => (answer += data.toString()));
      connection.on('end', () => {
        connection.end();
        resolve(answer);
      });
      connection.on('error', reject);
    });
  const UPGRADE = 'Host: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n';
  const ENDING = UPGRADE.replace('Upgrade', 'close, Upgrade');

  test.each([
    ['without a key', `GET /graphql HTTP/1.1\r\n${UPGRADE}Sec-WebSocket-Version: 13\r\n\r\n`, 400],
    [
      'of an unknown version',
      `GET /graphql HTTP/1.1\r\n${UPGRADE}Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 99\r\n\r\n`,
      400,
    ],
    ['by POST', `POST /graphql HTTP/1.1\r\n${ENDING}Content-Length: 2\r\n\r\n{}`, 415],
    ['at an address that cannot be decoded', `GET /%zz HTTP/1.1\r\n${ENDING}\r\n`, 400],
    ['at an unknown path', `GET /elsewhere HTTP/1.1\r\n${ENDING}\r\n`, 404],
  ])(
    'an upgrade %s gets an error of the usual form, and the connection is closed',
    async (_name, text, status) => {
      const answer = await converse(text);
      expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
      expect(answer).toContain('"extensions":{"code":"');
      expect((await fetch(`${node.url}/healthz`)).status).toBe(200);
    },
  );

  test('an upgrade at another path is answered like any request', async () => {
    expect(await refusedWith(node.url, { path: '/elsewhere' })).toBe(404);
    expect(await refusedWith(node.url, { path: '/healthz' })).toBe(200);
  });

  test('an offer of HTTP/2 is ignored, and the request is served', async () => {
    const body = JSON.stringify({ query: '{ me { email } }' });
    const request = httpRequest(`${node.url}/graphql`, {
      method: 'POST',
      headers: {
        connection: 'Upgrade, HTTP2-Settings',
        upgrade: 'h2c',
        'http2-settings': 'AAMAAABkAAQAAP__',
        'content-type': 'application/json',
        'content-length': body.length,
        authorization: `Bearer ${admin.accessToken}`,
      },
    });
    // The body is sent after the headers, in two pieces.
    request.write(body.slice(0, 9));
    request.end(body.slice(9));
    const [response] = (await once(request, 'response')) as [AsyncIterable<Buffer> & { statusCode: number }];
    let answer = '';
    for await (const data of response) answer += data.toString();
    expect(JSON.parse(answer)).toEqual({ data: { me: { email: ADMIN.email } } });
  });
});

describe('pages of other origins', () => {
  const refused = (origin: string, headers = {}) =>
    refusedWith(node.url, { headers: { origin, ...headers } });
  const accepted = async (headers: Record<string, string>) => {
    const socket = await openSocket({ headers });
    expect(socket.isOpen).toBe(true);
  };

  test('are refused at the upgrade', async () => {
    expect(await refused('https://evil.example.com')).toBe(403);
    expect(await refused('null')).toBe(403);
    expect(await refused('https://app.example.com.evil.example')).toBe(403);
    expect(await refused('http://app.example.com')).toBe(403);
  });

  test('are accepted if they are the server’s own or in CORS_ORIGINS', async () => {
    await accepted({ origin: 'https://app.example.com' });
    await accepted({ origin: 'https://auth.example.com' });
    await accepted({ origin: node.url });
    await accepted({});
  });

  test('are compared with the protocol that a trusted proxy names', async () => {
    const { host } = new URL(node.url);
    await accepted({ origin: `https://${host}`, 'x-forwarded-proto': 'https' });
    expect(await refused(`https://${host}`)).toBe(403);
    expect(
      await refusedWith(production.url, {
        headers: { origin: `https://${new URL(production.url).host}`, 'x-forwarded-proto': 'https' },
      }),
    ).toBe(403);
  });
});

test('a stopping node closes its sockets with 1001, and does not wait for one that does not answer', async () => {
  const own = await startNode({ DATABASE_URL: world.databaseUrl, REDIS_URL: world.redisUrl });
  const { accessToken } = await own.api.register(`socket${++count}@example.com`);
  const socket = await TestSocket.signIn(own.url, accessToken);
  await socket.listen(SESSION_ENDED);
  const silent = await TestSocket.signIn(own.url, accessToken);
  silent.raw.pause();
  const waiting = await TestSocket.open(own.url);
  await own.close();
  expect((await socket.closed).code).toBe(1001);
  expect((await waiting.closed).code).toBe(1001);
  expect(socket.of('complete')).toEqual([]);
  silent.raw.resume();
  await silent.closed;
});

test('no log level prints a token of a socket', async () => {
  const chatty = await world.node({ LOG_LEVEL: 'trace', ISSUER: 'https://auth.example.com' });
  const socket = await signIn(admin, chatty);
  socket.send({ type: 'next', id: admin.accessToken, payload: {} });
  await socket.closed;
  const bad = await openSocket({ path: `/graphql?token=${admin.accessToken}` }, chatty);
  bad.send({ type: 'connection_init', payload: { authorization: `Bearer ${admin.accessToken}x` } });
  await bad.closed;
  await eventually(() => expect(chatty.log.join('')).toContain('A socket was closed.'));
  expect(chatty.log.join('')).not.toContain(admin.accessToken.split('.')[1]!);
});
