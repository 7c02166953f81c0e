import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { createHttpClient } from '../../src/http-client/http-client';

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
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
});
afterAll(async () => {
  await http.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const ask = (timeout = PATIENCE) => http.ask(url, { timeout });

/** A body that never ends; answers whether the client has gone. */
const endless = (response: ServerResponse, chunk: Buffer) => {
  let hasGone = false;
  const send = () => {
    while (!hasGone && response.write(chunk));
    if (!hasGone) response.once('drain', send);
  };
  response.on('close', () => (hasGone = true));
  send();
};

test('asks with what it was given, and reads the answer', async () => {
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

test.each<[string, () => void]>([
  ['does not come', () => undefined],
  ['stops after its headers', () => undefined],
  ['drips a byte at a time', () => undefined],
])('the deadline holds for an answer that %s, whatever is collected meanwhile', async (how) => {
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

test('a small body that inflates to very much costs no memory', async () => {
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

test('an endless body is left at the limit, and so is one of an error', async () => {
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

test('an encoding that it does not know is refused', async () => {
  serve = (_request, response) => response.writeHead(200, { 'content-encoding': 'zstd' }).end('{}');
  await expect(ask()).rejects.toThrow('content-encoding');
});
