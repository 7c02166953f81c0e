import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { eventually } from '../support/eventually';
import { listen } from '../support/listen';
import { type Proxy, startProxy } from '../support/proxy';
import { startSetWire } from './wires';

let echo: Server;
let proxy: Proxy;
let socket: Socket;
let heard = '';

beforeEach(async () => {
  echo = createServer((near) => near.on('error', () => undefined).pipe(near));
  proxy = await startProxy((await listen(echo)).replace('http', 'redis'));
  heard = '';
  socket = connect(Number(new URL(proxy.url).port), '127.0.0.1');
  socket.on('error', () => undefined).on('data', (data) => (heard += data.toString()));
  await say('hello ');
});
afterEach(async () => {
  socket.destroy();
  await proxy.close();
  await new Promise((resolve) => echo.close(resolve));
});

/** Sends a text and waits for its echo. */
const say = async (text: string) => {
  const expected = heard + text;
  socket.write(text);
  await eventually(() => expect(heard).toBe(expected));
};

test('a stalled wire holds all data back and loses nothing when restored', async () => {
  proxy.stall();
  socket.write('one ');
  // Another connection proves that this one has had enough time.
  const other = connect(Number(new URL(proxy.url).port), '127.0.0.1');
  await new Promise((resolve) => other.once('connect', resolve));
  socket.write('two ');
  expect(heard).toBe('hello ');
  proxy.restore();
  await eventually(() => expect(heard).toBe('hello one two '));
  other.destroy();
});

test('a slow wire keeps the order of the data', async () => {
  proxy.slow(5, 20);
  const began = performance.now();
  const numbers = Array.from({ length: 50 }, (_, i) => `${i} `);
  for (const number of numbers) {
    socket.write(number);
    await new Promise((resolve) => setImmediate(resolve));
  }
  await eventually(() => expect(heard).toBe(`hello ${numbers.join('')}`));
  expect(performance.now() - began).toBeGreaterThanOrEqual(9);
});

test('a deaf wire passes requests and loses answers', async () => {
  let arrived = '';
  echo.on('connection', (near) => near.on('data', (data) => (arrived += data.toString())));
  const other = connect(Number(new URL(proxy.url).port), '127.0.0.1');
  let answered = '';
  other.on('error', () => undefined).on('data', (data) => (answered += data.toString()));
  proxy.deafen();
  other.write('is anybody there');
  await eventually(() => expect(arrived).toBe('is anybody there'));
  proxy.restore();
  await say('still there');
  expect(answered).toBe('');
  other.destroy();
});

test('a mute wire loses requests and passes answers', async () => {
  let near: Socket | undefined;
  let arrived = '';
  echo.on('connection', (one: Socket) => (near = one).on('data', (data) => (arrived += data.toString())));
  const other = connect(Number(new URL(proxy.url).port), '127.0.0.1');
  let answered = '';
  other.on('error', () => undefined).on('data', (data) => (answered += data.toString()));
  other.write('one ');
  await eventually(() => expect(answered).toBe('one '));
  proxy.mute();
  other.write('two ');
  near?.write('news ');
  await eventually(() => expect(answered).toBe('one news '));
  proxy.restore();
  await say('still there');
  expect(arrived).toBe('one ');
  other.destroy();
});

test('a forgotten connection is half-open: it passes nothing, not even its end, and a new one works', async () => {
  let near: Socket | undefined;
  let arrived = '';
  echo.once('connection', (one: Socket) => (near = one).on('data', (data) => (arrived += data.toString())));
  const other = connect(Number(new URL(proxy.url).port), '127.0.0.1');
  let answered = '';
  other.on('error', () => undefined).on('data', (data) => (answered += data.toString()));
  other.write('hello ');
  await eventually(() => expect(answered).toBe('hello '));
  proxy.forget();
  // New connections prove that the forgotten one has had enough time.
  const useAnother = async () => {
    const fresh = connect(Number(new URL(proxy.url).port), '127.0.0.1');
    fresh.write('here');
    await new Promise((resolve) => fresh.once('data', resolve));
    fresh.destroy();
  };
  other.write('is anybody there');
  near?.write('news');
  await useAnother();
  near?.destroy();
  await useAnother();
  expect([arrived, answered, other.destroyed]).toEqual(['hello ', 'hello ', false]);
  other.destroy();
});

test('what a server says of the others leads through the wire of the node, and nothing else is changed', async () => {
  const port = (echo.address() as AddressInfo).port;
  const wire = await startSetWire([{ port }], (portFor) => `redis://127.0.0.1:${portFor({ port })}`);
  const near = new URL(wire.url).port;
  const other = connect(Number(near), '127.0.0.1');
  let answered = '';
  other.on('data', (data) => (answered += data.toString()));
  const say = (to: string | number) =>
    `-MOVED 7 127.0.0.1:${to}\r\n*3\r\n$9\r\n127.0.0.1\r\n:${to}\r\n*2\r\n$9\r\n127.0.0.1\r\n$5\r\n${to}\r\n`;
  const untouched = `$5\r\n${port}\r\n127.0.0.1:${port}0 127.0.0.2:${port}`;
  try {
    other.write(say(port) + untouched);
    await eventually(() => expect(answered).toBe(say(near) + untouched));
  } finally {
    other.destroy();
    await wire.close();
  }
});
