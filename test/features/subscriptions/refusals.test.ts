import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import { WebSocket } from 'ws';
import { ADMIN, type Tokens } from '../../support/api';
import { eventually } from '../../support/eventually';
import { exchange } from '../../support/held';
import { repeat } from '../../support/repeat';
import { shared, sharedNodes, sharedWorld } from '../../support/shared';
import { refusedWith, socketOpener, type TestSocket } from '../../support/socket';

const SESSION_ENDED = 'subscription { sessionEnded { current } }';
const SECRET = 'Zebra7Quartz';
const ISSUER = 'https://auth.example.com';

const [node, production] = sharedNodes(
  sharedWorld(),
  { CORS_ORIGINS: 'https://app.example.com', TRUST_PROXY: '1', ISSUER },
  { NODE_ENV: 'production', ISSUER },
);
const admin = shared<Tokens>(() => node.api.loginAsAdmin());
const sockets = socketOpener();

describe('sockets serve subscriptions only, under the limits of HTTP', () => {
  let socket: TestSocket;
  beforeEach(async () => {
    socket = await sockets.signIn(node, admin);
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

  // Fragments that hold the next one three times: a short document with very many fields.
  const NESTED = `subscription { sessionEnded { ...f0 } }
    ${repeat(11, (i) => `fragment f${i} on SessionEnded {...f${i + 1} ...f${i + 1} ...f${i + 1}}`)}
    fragment f11 on SessionEnded { current }`;
  const skipped = (directive: string) =>
    `subscription S($if: Boolean!) { sessionEnded ${directive} { current } } query ${SECRET} { me { id } }`;

  test.each([
    [
      'an unnamed operation of several',
      'subscription a { sessionEnded { current } } subscription b { sessionEnded { current } }',
      'OPERATION_RESOLUTION_FAILURE',
    ],
    ['a document that is not GraphQL', `subscription "${SECRET}" {`, 'GRAPHQL_PARSE_FAILED'],
    [
      'a document of too many tokens',
      `subscription { sessionEnded { ${'current '.repeat(1500)} } }`,
      'GRAPHQL_PARSE_FAILED',
    ],
    ['an unknown field', 'subscription { passwords }', 'GRAPHQL_VALIDATION_FAILED'],
    [
      'two fields',
      'subscription { sessionEnded { current } revocations { id } }',
      'GRAPHQL_VALIDATION_FAILED',
    ],
    ['a field skipped by null', skipped('@skip(if: null)'), 'GRAPHQL_VALIDATION_FAILED'],
    ['a field skipped by nothing', skipped('@include'), 'GRAPHQL_VALIDATION_FAILED'],
    ['a field skipped by a variable', skipped('@skip(if: $if)'), 'GRAPHQL_VALIDATION_FAILED'],
    [
      'a variable of the wrong type',
      'subscription($a: Boolean!) { sessionEnded { current @include(if: $a) } }',
      'BAD_USER_INPUT',
    ],
    ['too many fields', NESTED, 'BAD_USER_INPUT'],
  ])('%s is refused, and no part of it is sent back or logged', async (_what, query, code) => {
    const error = await errorOf(query, { if: true, a: SECRET });
    expect(error).toEqual(coded(code));
    expect(JSON.stringify(error)).not.toContain(SECRET);
    expect(node.log.join('\n')).not.toContain(SECRET);
  });

  test('an eleventh subscription is refused, until another one ends', async () => {
    for (let id = 0; id < 10; id++) socket.subscribe(SESSION_ENDED, `${id}`);
    expect(await errorOf(SESSION_ENDED)).toEqual(coded('BAD_USER_INPUT'));
    socket.send({ type: 'complete', id: '0' });
    await socket.listen(SESSION_ENDED, 'another');
    expect(socket.of('error')).toHaveLength(1);
  });

  test('production does not reveal its schema', async () => {
    const own = await sockets.signIn(production, admin);
    const queries = [
      '{ __schema { queryType { name } } }',
      'subscription { __schema { queryType { name } } }',
      'subscription { sessionEnded { __type(name: "User") { name } } }',
      'subscription { __type(name: "User") { name } }',
    ];
    queries.forEach((query, index) => own.subscribe(query, `${index}`));
    await eventually(() => expect(own.of('error')).toHaveLength(4));
    expect(own.of('next')).toEqual([]);
  });
});

describe('bad clients', () => {
  test.each<[string, string | Buffer, number]>([
    ['a text that is not JSON', 'hello', 4400],
    ['a message without a type', '{}', 4400],
    ['an unknown type', '{"type":"hello"}', 4400],
    ['a message that only servers send', '{"type":"next","id":"1","payload":{}}', 4400],
    ['a subscription without a query', '{"type":"subscribe","id":"1","payload":{}}', 4400],
    ['deeply nested JSON', '['.repeat(8000), 4400],
    ['binary data', Buffer.from([0xff, 0xfe]), 4400],
    ['a second sign-in', '{"type":"connection_init","payload":{}}', 4429],
    ['a message that is too large', 'x'.repeat(17 * 1024), 1009],
  ])('%s closes the socket', async (_name, message, code) => {
    const socket = await sockets.signIn(node, admin);
    socket.raw.send(message);
    expect((await socket.closed).code).toBe(code);
    expect((await fetch(`${node.url}/healthz`)).status).toBe(200);
  });

  test('an id that is in use closes the socket', async () => {
    const socket = await sockets.listen(node, admin, SESSION_ENDED);
    socket.subscribe(SESSION_ENDED);
    expect((await socket.closed).code).toBe(4409);
  });

  test('another protocol, or none, is refused', async () => {
    const none = await sockets.open(node, { protocol: '' });
    expect((await none.closed).code).toBe(4406);
    const old = new WebSocket(`${node.url.replace('http', 'ws')}/graphql`, 'graphql-ws');
    const [error] = (await once(old, 'error')) as [Error];
    expect(error.message).toContain('subprotocol');
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
      const answer = await exchange(node.url, text);
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
    const [response] = (await once(request, 'response')) as [AsyncIterable<Buffer>];
    let answer = '';
    for await (const data of response) answer += data.toString();
    expect(JSON.parse(answer)).toEqual({ data: { me: { email: ADMIN.email } } });
  });
});

describe('pages of other origins', () => {
  const refused = (origin: string, headers = {}, { url } = node) =>
    refusedWith(url, { headers: { origin, ...headers } });
  const accepted = async (headers: Record<string, string>) =>
    expect((await sockets.open(node, { headers })).isOpen).toBe(true);

  test('are refused at the upgrade', async () => {
    expect(await refused('https://evil.example.com')).toBe(403);
    expect(await refused('null')).toBe(403);
    expect(await refused('https://app.example.com.evil.example')).toBe(403);
    expect(await refused('http://app.example.com')).toBe(403);
  });

  test('are accepted if they are the server’s own or in CORS_ORIGINS', async () => {
    await accepted({ origin: 'https://app.example.com' });
    await accepted({ origin: ISSUER });
    await accepted({ origin: node.url });
    await accepted({});
  });

  test('are compared with the protocol that a trusted proxy names', async () => {
    const https = ({ url }: { url: string }) => url.replace('http', 'https');
    const named = { 'x-forwarded-proto': 'https' };
    await accepted({ origin: https(node), ...named });
    expect(await refused(https(node))).toBe(403);
    expect(await refused(https(production), named, production)).toBe(403);
  });
});
