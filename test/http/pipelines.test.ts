import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { createRandom, type Random } from '../chaos/random';
import { eventually } from '../support/eventually';
import { createWorld, type TestNode, type World } from '../support/world';

let world: World;
let node: TestNode;

beforeAll(async () => {
  world = await createWorld();
  node = await world.node();
});
afterAll(() => world.close());

interface Sent {
  readonly bytes: string;
  /** The status of its answer. */
  readonly status: number;
}

const HANDSHAKE = 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n';
const head = (line: string, more = '') => `${line} HTTP/1.1\r\nHost: localhost\r\n${more}\r\n`;
const offer = (protocol: string) => `Connection: keep-alive, Upgrade\r\nUpgrade: ${protocol}\r\n`;

const requestOf = (path: string, status: number, more = ''): Sent => ({
  bytes: head(`GET ${path}`, more),
  status,
});
const queryOf = (more = ''): Sent => {
  const body = '{"query":"{ __typename }"}';
  const type = 'Content-Type: application/json\r\n';
  return {
    bytes: `${head('POST /graphql', `${type}Content-Length: ${body.length}\r\n${more}`)}${body}`,
    status: 200,
  };
};
const chunkedQuery: Sent = {
  bytes: `${head('POST /graphql', 'Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n')}1a\r\n{"query":"{ __typename }"}\r\n0\r\n\r\n`,
  status: 200,
};

/** Requests that others may follow. */
const REQUESTS: Sent[] = [
  requestOf('/healthz', 200),
  requestOf('/readyz', 200),
  requestOf('/.well-known/jwks.json', 200),
  requestOf('/elsewhere', 404),
  requestOf('/%zz', 400),
  requestOf('/healthz', 417, 'Expect: a miracle\r\n'),
  queryOf(),
  chunkedQuery,
];
const OFFERS: Sent[] = [
  requestOf('/healthz', 200, offer('h2c')),
  requestOf('/readyz', 200, offer('foo, bar')),
  requestOf('/elsewhere', 404, offer('websocket') + HANDSHAKE),
  requestOf('/%zz', 400, offer('websocket') + HANDSHAKE),
  queryOf(offer('h2c')),
];
/** Requests and bytes after which a connection carries no other HTTP. */
const LAST: Sent[] = [
  requestOf('/graphql', 101, offer('websocket') + HANDSHAKE),
  requestOf('/graphql', 400, offer('websocket')),
  requestOf('/graphql', 403, `Origin: https://evil.example.com\r\n${offer('websocket')}${HANDSHAKE}`),
  requestOf('/healthz', 200, 'Connection: close\r\n'),
  requestOf('/healthz', 200, 'Connection: close, Upgrade\r\nUpgrade: foo\r\n'),
  { bytes: head('CONNECT example.com:443'), status: 404 },
  { bytes: 'what is this?\r\n\r\n', status: 400 },
  { bytes: head('POST /graphql', 'Content-Length: many\r\n'), status: 400 },
  {
    bytes: `${head('POST /graphql', 'Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n')}zz\r\n`,
    status: 400,
  },
];

/** The statuses of the complete answers in these bytes. */
function statusesIn(bytes: string): number[] {
  const statuses: number[] = [];
  for (let rest = bytes; ;) {
    const end = rest.indexOf('\r\n\r\n');
    if (end < 0) return statuses;
    const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(rest)?.[1]);
    statuses.push(status);
    if (status === 101 || Number.isNaN(status)) return statuses;
    const length = Number(/\r\ncontent-length: (\d+)/i.exec(rest.slice(0, end))?.[1]);
    if (rest.length < end + 4 + length) return statuses.slice(0, -1);
    rest = rest.slice(end + 4 + length);
  }
}

async function talk(sent: readonly Sent[], random: Random, breaksOff: boolean): Promise<number[]> {
  const { hostname, port } = new URL(node.url);
  const connection = connect(Number(port), hostname);
  let answer = '';
  connection.on('data', (data) => (answer += data.toString('latin1')));
  // The connection may be cut while this side still sends.
  connection.on('error', () => undefined);
  try {
    const text = sent.map(({ bytes }) => bytes).join('');
    for (let at = 0; at < text.length && connection.writable;) {
      const until = random.chance(0.4) ? text.length : at + random.whole(1, 400);
      connection.write(text.slice(at, until), 'latin1');
      at = until;
      if (random.chance(0.5)) await sleep(random.whole(0, 5));
    }
    if (breaksOff) return [];
    return await eventually(() => {
      const statuses = statusesIn(answer);
      if (statuses.length < sent.length) {
        throw new Error(
          `Of ${sent.length} answers there are ${statuses.join(', ')}.\nSent:\n${text}\nCame:\n${answer}`,
        );
      }
      return statuses;
    }, 10_000);
  } finally {
    if (breaksOff) connection.resetAndDestroy();
    else connection.destroy();
  }
}

const isAlive = async () => (await fetch(`${node.url}/healthz`)).ok;

test.each([
  ['a WebSocket behind a request', [REQUESTS[1]!, LAST[0]!]],
  ['a WebSocket elsewhere behind a request', [REQUESTS[1]!, OFFERS[2]!]],
  ['another protocol behind a request', [REQUESTS[1]!, OFFERS[0]!, REQUESTS[0]!]],
  ['another protocol twice', [OFFERS[1]!, OFFERS[0]!, REQUESTS[2]!]],
  ['a WebSocket behind an offer of another protocol', [OFFERS[1]!, LAST[0]!]],
  ['what cannot be read behind requests', [REQUESTS[1]!, queryOf(), LAST[6]!]],
  ['CONNECT behind a request', [REQUESTS[1]!, LAST[5]!]],
])('each of %s is answered in order', async (_name, sent) => {
  const statuses = await talk(sent, createRandom('whole'), false);
  expect(statuses).toEqual(sent.map(({ status }) => status));
  expect(await isAlive()).toBe(true);
});

test('each of very many pipelined requests is answered', async () => {
  const many = Array.from({ length: 350 }, (_none, index) => (index % 3 ? REQUESTS[0]! : chunkedQuery));
  const sent = [...many, LAST[6]!];
  expect(await talk(sent, createRandom('many'), false)).toEqual(sent.map(({ status }) => status));
});

// Another seed: PIPELINES=anything npx jest test/http/pipelines.test.ts
const SEED = process.env.PIPELINES ?? 'pipelines';

test(`no mix of requests, upgrades and garbage ends the process or loses an answer (${SEED})`, async () => {
  const random = createRandom(SEED);
  const connections = Array.from({ length: 150 }, async (_none, index) => {
    const own = random.fork(`${index}`);
    const sent = Array.from({ length: own.whole(0, 8) }, () => own.pick(own.chance(0.5) ? REQUESTS : OFFERS));
    sent.push(own.pick(LAST));
    const breaksOff = own.chance(0.2);
    const statuses = await talk(sent, own, breaksOff);
    expect(statuses).toEqual(breaksOff ? [] : sent.map(({ status }) => status));
  });
  await Promise.all(connections);
  expect(await isAlive()).toBe(true);
});
