import { connect } from 'node:net';
import { createMetricsApp } from '../../src/http/metrics';
import { createLogger } from '../../src/server/logger';
import { startApp, type TestApp } from '../support/app';

/** ms */
const SHORT = 200;
/** ms. Enough for a busy machine, and far below Node's own 30 s and 300 s. */
const PATIENCE = 15_000;

const POST = 'POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n';
const GET = 'GET /healthz HTTP/1.1\r\nHost: localhost\r\n';
const BODY = '{"query":"{ __typename }"}';

/** Writes the beginning, then one byte at a time without an end. Resolves with the whole answer. */
function drip(url: string, beginning: string, byte: string): Promise<string> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve) => {
    let dripping: NodeJS.Timeout;
    const connection = connect(Number(port), hostname, () => {
      connection.write(beginning);
      dripping = setInterval(() => connection.write(byte), 20);
    });
    let answer = '';
    connection.on('data', (data) => (answer += data.toString()));
    connection.on('error', () => undefined);
    connection.on('close', () => {
      clearInterval(dripping);
      resolve(answer);
    });
  });
}

/** The beginning of each request, and the byte that is repeated. */
const SLOW: Record<string, readonly [beginning: string, byte: string]> = {
  'whose body drips': [`${POST}Content-Length: 10000\r\n\r\n`, ' '],
  'whose chunks drip': [`${POST}Transfer-Encoding: chunked\r\n\r\n`, '1\r\n \r\n'],
  'whose body drips, and which offers HTTP/2': [
    `${POST}Connection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 10000\r\n\r\n`,
    ' ',
  ],
  'whose body drips, behind one that was answered': [
    `${POST}Content-Length: ${BODY.length}\r\n\r\n${BODY}${POST}Content-Length: 10000\r\n\r\n`,
    ' ',
  ],
  'whose headers drip': [GET, 'a'],
  'whose headers drip, and which asks for a socket': [
    `${GET}Connection: Upgrade\r\nUpgrade: websocket\r\n`,
    'a',
  ],
  'of which nothing comes': ['', ''],
};

describe('a late request is answered with 408 and its connection is closed:', () => {
  let app: TestApp;
  const answers = new Map<string, Promise<string>>();
  beforeAll(async () => {
    app = await startApp({ requestTimeout: SHORT });
    for (const [name, [beginning, byte]] of Object.entries(SLOW))
      answers.set(name, drip(app.url, beginning, byte));
  });
  afterAll(() => app.close());

  test.each(Object.keys(SLOW))(
    'one %s',
    async (name) => {
      const answer = (await answers.get(name)) ?? '';
      const last = answer.slice(answer.lastIndexOf('HTTP/1.1 '));
      expect(last).toMatch(/^HTTP\/1\.1 408 /);
      expect(JSON.parse(last.slice(last.indexOf('\r\n\r\n')))).toEqual({
        errors: [{ message: 'The request took too long to arrive.', extensions: { code: 'BAD_REQUEST' } }],
      });
    },
    PATIENCE,
  );
});

test('a request and its headers have 30 s to arrive, at the metrics port too', async () => {
  const app = await startApp();
  const metrics = createMetricsApp(() => Promise.reject(new Error('Not asked for.')), createLogger('silent'));
  for (const server of [app.server, metrics.server]) {
    expect(server.requestTimeout).toBe(30_000);
    // Node swaps the two where this one is longer.
    expect(server.headersTimeout).toBeLessThanOrEqual(30_000);
  }
  await Promise.all([app.close(), metrics.close()]);
});
