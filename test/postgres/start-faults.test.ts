import { execFileSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from '../../src/server/database';
import { openEmbeddedPostgres } from '../../src/embedded/pglite';
import { withWeakRole } from '../support/weak-role';
import { createWorld, startNode, type World } from '../support/world';

let world: World;
beforeAll(async () => {
  world = await createWorld({ redis: null });
});
afterAll(() => world.close());

const connecting = async (url: string) => {
  const dataSource = await connect({ url }, { statementTimeout: 0, poolSize: 1 });
  await dataSource.query('select 1');
  await dataSource.destroy();
};

test('the socket addresses of providers are accepted', async () => {
  const { port, pathname, username } = new URL(world.databaseUrl);
  const [shown] = await world.sql<{ unix_socket_directories: string }>('show unix_socket_directories');
  const folder = shown!.unix_socket_directories;
  for (const url of [
    `postgres://${username}@${pathname}?host=${folder}&port=${port}`,
    `postgres://${pathname}?host=${folder}&port=${port}&user=${username}`,
    `postgres://${username}@${encodeURIComponent(folder)}:${port}${pathname}`,
    `postgresql://${username}@127.0.0.1:${port}${pathname}?sslmode=disable&channel_binding=require`,
  ])
    await connecting(url);
});

test.each<[string, (url: URL) => void, RegExp]>([
  ['a certificate that is not there', (url) => (url.search = '?sslrootcert=/none.pem'), /\/none\.pem/],
  ['a socket that is not there', (url) => (url.search = '?host=/none'), /\/none/],
  ['a server without TLS', (url) => (url.search = '?sslmode=verify-full'), /does not support SSL/],
  ['an unknown kind of TLS', (url) => (url.search = '?sslnegotiation=some'), /sslnegotiation/],
  ['a database that is not there', (url) => (url.pathname = '/none'), /"none" does not exist/],
  ['a role that is not there', (url) => (url.username = 'none'), /"none" does not exist/],
])('%s stops the start with a sentence that names the setting', async (_what, change, sentence) => {
  const url = new URL(world.databaseUrl);
  url.password = 'hunter2';
  change(url);
  const refused = connecting(url.href);
  await expect(refused).rejects.toMatchObject({
    name: 'StartError',
    message: expect.stringMatching(sentence),
  });
  await expect(refused).rejects.toThrow(/^Postgres cannot be used: .* Check DATABASE_URL\.$/);
  await expect(refused).rejects.not.toThrow(/hunter2/);
});

test('a role that may not create tables stops the start with the grant it needs', () =>
  withWeakRole(async (_world, url) => {
    await expect(startNode({ DATABASE_URL: url })).rejects.toMatchObject({
      name: 'StartError',
      message: expect.stringMatching(
        /permission denied for schema public.*grant create, usage on schema "public"/s,
      ),
    });
  }));

test('an unusable folder stops the start with the name of its setting', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tokenfence-folder-'));
  writeFileSync(join(folder, 'file'), '');
  try {
    for (const path of [join(folder, 'file'), join(folder, 'file/below'), 'x'.repeat(200)])
      await expect(openEmbeddedPostgres(path)).rejects.toMatchObject({
        name: 'StartError',
        message: expect.stringMatching(/DATA_DIR/),
      });
  } finally {
    await rm(folder, { recursive: true });
    execFileSync('rm', ['-rf', 'x'.repeat(200)]);
  }
});
