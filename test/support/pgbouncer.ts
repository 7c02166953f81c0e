import { chownSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { withPostgres } from './postgres';
import { findProgram, installMissing } from './programs';
import { launch, type TestServer } from './server-process';
import { freePort, unprivileged } from './servers';

/** The settings that docs/postgres.md tells operators to use. */
const documented = () =>
  /```ini\n\[pgbouncer\]\n([^`]*)```/.exec(
    readFileSync(join(__dirname, '../../docs/postgres.md'), 'utf8'),
  )?.[1] ?? '';

/**
 * Starts a PgBouncer before the database of this URL, with the settings of docs/postgres.md. Its clients share two
 * connections.
 */
export async function startPgBouncer(target: string): Promise<TestServer> {
  installMissing(['pgbouncer']);
  const program = findProgram('pgbouncer');
  if (!program) throw new Error('The tests need pgbouncer: apt-get install pgbouncer');
  const owner = unprivileged();
  const folder = mkdtempSync(join(tmpdir(), 'tokenfence-pgbouncer-'));
  if (owner.uid !== undefined && owner.gid !== undefined) chownSync(folder, owner.uid, owner.gid);
  const { hostname, port, username, pathname } = new URL(target);
  const ownPort = await freePort();
  const path = join(folder, 'pgbouncer.ini');
  const database = pathname.slice(1);
  writeFileSync(
    path,
    `[databases]
${database} = host=${hostname} port=${port} user=${username}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${ownPort}
unix_socket_dir =
auth_type = any
default_pool_size = 2
${documented()}`,
  );
  const url = `postgres://${username}@127.0.0.1:${ownPort}${pathname}`;
  const answers = () => withPostgres(url, (client) => client.query('select 1'));
  return launch({ program, args: [path], owner, folder, url, answers });
}
