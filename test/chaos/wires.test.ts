import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { eventually } from '../support/eventually';
import { type Proxy, startProxy } from '../support/proxy';

let echo: Server;
let proxy: Proxy;
let socket: Socket;
let heard = '';

beforeEach(async () => {
  echo = createServer((near) => near.on('error', () => undefined).pipe(near));
  await new Promise<void>((resolve) => echo.listen(0, '127.0.0.1', resolve));
  proxy = await startProxy(`redis://127.0.0.1:${(echo.address() as AddressInfo).port}`);
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

/** Says something, and waits until the echo is heard. */
const say = async (text: string) => {
  const expected = heard + text;
  socket.write(text);
  await eventually(() => expect(heard).toBe(expected));
};

test('a stalled wire holds everything back, and loses nothing of it when it is restored', async () => {
  proxy.stall();
  socket.write('one ');
  // Another connection goes the same way, so that this one has had its time.
  const other = connect(Number(new URL(proxy.url).port), '127.0.0.1');
  await new Promise((resolve) => other.once('connect', resolve));
  socket.write('two ');
  expect(heard).toBe('hello ');
  proxy.restore();
  await eventually(() => expect(heard).toBe('hello one two '));
  other.destroy();
});

test('a slow wire keeps the order, however late each part comes', async () => {
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

test('a deaf wire loses the answers, and the requests arrive', async () => {
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
