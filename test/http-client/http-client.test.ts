import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { createHttpClient } from '../../src/http-client/http-client';
import { eventually } from '../support/eventually';
import { closeServer, listen } from '../support/listen';

setFlagsFromString('--expose_gc');
const collectGarbage = runInNewContext('gc') as () => void;

const LIMIT = 256 * 1024;
const PATIENCE = 10_000;

const http = createHttpClient();
let server: Server;
let url: string;
let serve: (request: IncomingMessage, response: ServerResponse) => void;

beforeAll(async () => {
  server = createServer((request, response) => {
    response.on('error', () => undefined);
    serve(request, response);
  });
  url = `${await listen(server)}/`;
});
afterAll(async () => {
  await http.close();
  await closeServer(server);
});

const ask = (timeout = PATIENCE) => http.ask(url, { timeout });

/** Sends a body without an end. */
const endless = (response: ServerResponse, chunk: Buffer) => {
  let hasGone = false;
  const send = () => {
    while (!hasGone && response.write(chunk));
    if (!hasGone) response.once('drain', send);
  };
  response.on('close', () => (hasGone = true));
  send();
};

test('a request has the given method, headers and body, and its answer is read', async () => {
  serve = (request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () =>
      response.writeHead(201, { 'x-method': request.method }).end(`${request.headers.accept} ${body}`),
    );
  };
  const answer = await http.ask(url, {
    method: 'POST',
    headers: { accept: 'text/plain' },
    body: 'what?',
    timeout: PATIENCE,
  });
  expect(answer).toMatchObject({ text: 'text/plain what?', headers: { 'x-method': 'POST' } });
});

test('a connection is used again, but not after a rest: the network may have forgotten it', async () => {
  let slept = 0;
  const clock = { now: () => Date.now() + slept, monotonic: () => performance.now() };
  const ours = createHttpClient(clock);
  const connections: Socket[] = [];
  serve = (request, response) => {
    connections.push(request.socket);
    response.end();
  };
  const use = async () => {
    for (let i = 0; i < 5; i++) await ours.ask(url, { timeout: PATIENCE });
    return new Set(connections.splice(0));
  };
  const first = await use();
  expect(first.size).toBeLessThan(5);
  slept += 60_000;
  expect([...(await use())].filter((socket) => first.has(socket))).toEqual([]);
  await eventually(() => expect([...first].every(({ destroyed }) => destroyed)).toBe(true));
  // A request that is under way is answered, although the process was suspended before its end.
  serve = (_request, response) => {
    slept += 60_000;
    response.end('late');
  };
  expect(await ours.ask(url, { timeout: PATIENCE })).toMatchObject({ text: 'late' });
  await ours.close();
});

test.each<[string, () => void]>([
  ['does not come', () => undefined],
  ['stops after its headers', () => undefined],
  ['drips a byte at a time', () => undefined],
])('the deadline holds for an answer that %s, even after garbage collection', async (how) => {
  serve = (_request, response) => {
    if (how !== 'does not come') response.writeHead(200).flushHeaders();
    if (!how.startsWith('drips')) return;
    const drip = setInterval(() => response.write(' '), 20);
    response.on('close', () => clearInterval(drip));
  };
  const collecting = setInterval(collectGarbage, 50);
  try {
    await expect(ask(500)).rejects.toThrow('within 500 ms');
  } finally {
    clearInterval(collecting);
  }
});

test.each<[string, (body: Buffer) => Buffer, string | undefined]>([
  ['as it is', (body) => body, undefined],
  ['gzip', gzipSync, 'gzip'],
  ['deflate', deflateSync, 'deflate'],
  ['brotli', brotliCompressSync, 'br'],
])('a body of 256 KiB is read, and one byte more is refused: %s', async (_name, encode, encoding) => {
  let length = LIMIT;
  serve = (_request, response) =>
    response
      .writeHead(200, encoding === undefined ? {} : { 'content-encoding': encoding })
      .end(encode(Buffer.alloc(length, 'a')));
  expect((await ask()).text).toHaveLength(LIMIT);
  length += 1;
  await expect(ask()).rejects.toThrow();
});

test('a compressed body is refused at the limit without using memory', async () => {
  const part = gzipSync(Buffer.alloc(10_000_000), { level: 9 });
  const bomb = Buffer.concat(Array.from({ length: 20 }, () => part));
  serve = (_request, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb);
  collectGarbage();
  const before = process.memoryUsage().rss;
  let peak = before;
  const watch = setInterval(() => (peak = Math.max(peak, process.memoryUsage().rss)), 5);
  try {
    await expect(ask()).rejects.toThrow('too long');
  } finally {
    clearInterval(watch);
  }
  expect(peak - before).toBeLessThan(60_000_000);
});

test('reading an endless body stops at the limit, for errors too', async () => {
  for (const status of [200, 500]) {
    const gone = new Promise<void>((resolve) => {
      serve = (_request, response) => {
        response.on('close', () => resolve());
        response.writeHead(status);
        endless(response, Buffer.alloc(64 * 1024));
      };
    });
    await expect(ask()).rejects.toThrow();
    await gone;
  }
});

test('no redirect is followed', async () => {
  let questions = 0;
  serve = (_request, response) => {
    questions += 1;
    response.writeHead(302, { location: '/elsewhere' }).end();
  };
  await expect(ask()).rejects.toThrow('the answer was 302');
  expect(questions).toBe(1);
});

test('an unknown encoding is refused', async () => {
  serve = (_request, response) => response.writeHead(200, { 'content-encoding': 'zstd' }).end('{}');
  await expect(ask()).rejects.toThrow('content-encoding');
});
