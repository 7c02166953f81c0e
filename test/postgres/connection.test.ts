import { type AddressInfo, createServer } from 'node:net';
import { createDataSource } from '../../src/postgres/data-source';

const message = (type: string, ...parts: (string | Buffer)[]) => {
  const body = Buffer.concat(parts.map((part) => Buffer.from(part)));
  const head = Buffer.alloc(5);
  head.write(type);
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
};

test('a server that dies in the moment of the handshake takes no process with it', async () => {
  // All in one packet, as it happens when a server is killed: welcome, ready, and the end.
  const farewell = Buffer.concat([
    message('R', Buffer.alloc(4)),
    message('Z', 'I'),
    message('E', 'SFATAL\0', 'VFATAL\0', 'C57P01\0', 'Mterminating connection\0', '\0'),
  ]);
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => socket.end(farewell));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;

  const dataSource = createDataSource(
    { url: `postgres://nobody@127.0.0.1:${port}/nothing` },
    { statementTimeout: 1000, poolSize: 2 },
  );
  // An error that nobody heard would end this process, and the test with it.
  await expect(dataSource.initialize()).rejects.toThrow(/terminat|not queryable/);
  server.close();
});
