import { createServer } from 'node:net';
import type { Tables } from '../../src/core/ports/truth';
import { createDataSource } from '../../src/postgres/data-source';
import { createTruth } from '../../src/postgres/truth';
import { eventually } from '../support/eventually';
import { listen } from '../support/listen';
import { createWorld } from '../support/world';

const message = (type: string, ...parts: (string | Buffer)[]) => {
  const body = Buffer.concat(parts.map((part) => Buffer.from(part)));
  const head = Buffer.alloc(5);
  head.write(type);
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
};

test('a server that dies during the handshake does not end the process', async () => {
  // One packet, as from a killed server: welcome, ready, and the end.
  const farewell = Buffer.concat([
    message('R', Buffer.alloc(4)),
    message('Z', 'I'),
    message('E', 'SFATAL\0', 'VFATAL\0', 'C57P01\0', 'Mterminating connection\0', '\0'),
  ]);
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => socket.end(farewell));
  });
  const { port } = new URL(await listen(server));

  const dataSource = createDataSource(
    { url: `postgres://nobody@127.0.0.1:${port}/nothing` },
    { statementTimeout: 1000, poolSize: 2 },
  );
  // An unhandled error would end this process, and the test with it.
  await expect(dataSource.initialize()).rejects.toThrow(/terminat|not queryable/);
  server.close();
});

test('a connection that breaks inside a transaction is SERVICE_UNAVAILABLE, not an unexpected error', async () => {
  const world = await createWorld({ redis: null });
  const dataSource = await createDataSource(
    { url: world.databaseUrl },
    { statementTimeout: 1000, poolSize: 2 },
  ).initialize();
  const truth = createTruth(dataSource, { hasCopies: false, clockSkew: 0 });
  const pool = (dataSource.driver as unknown as { master: { totalCount: number } }).master;
  const breakConnection = async () => {
    await world.sql(
      'select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and datname = current_database()',
    );
    await eventually(() => expect(pool.totalCount).toBe(0));
  };
  try {
    const later: ((tables: Tables) => Promise<unknown>)[] = [
      (tables) => tables.users.findByEmail('someone@example.com'),
      (tables) => tables.ends.everyone({ type: 'FORCED_LOGOUT_OF_EVERYONE' }),
      (tables) => tables.signingKeys.list(),
    ];
    for (const statement of later) {
      const broken = truth.transaction(async (tables) => {
        await tables.log.countUnconfirmed();
        await breakConnection();
        await statement(tables);
      });
      await expect(broken).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE' });
    }
  } finally {
    await dataSource.destroy();
    await world.close();
  }
});
