import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { withPostgres } from '../support/postgres';
import { startPostgres, type TestServer, unprivileged } from '../support/servers';
import { startNode } from '../support/world';

let folder: string;
let server: TestServer;
const inFolder = (name: string) => join(folder, name);

/** Makes a certificate authority, and a server's certificate that it signs for `localhost`. */
function certify(): void {
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'ignore' });
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  for (const name of ['ca', 'other'])
    openssl('req', '-x509', ...key, '-subj', `/CN=${name}`, '-keyout', `${name}.key`, '-out', `${name}.crt`);
  const names = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'];
  openssl(
    'req',
    '-x509',
    ...key,
    ...names,
    '-addext',
    'basicConstraints=critical,CA:FALSE',
    '-CA',
    'ca.crt',
    '-CAkey',
    'ca.key',
    '-keyout',
    'server.key',
    '-out',
    'server.crt',
  );
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tokenfence-tls-'));
  certify();
  const { uid, gid } = unprivileged();
  for (const each of [folder, inFolder('server.key'), inFolder('server.crt')])
    if (uid !== undefined && gid !== undefined) chownSync(each, uid, gid);
  chmodSync(inFolder('server.key'), 0o600);
  const files = [`ssl_cert_file=${inFolder('server.crt')}`, `ssl_key_file=${inFolder('server.key')}`];
  server = await startPostgres({ settings: ['ssl=on', ...files] });
});
afterAll(async () => {
  await server.dispose();
  await rm(folder, { recursive: true });
});

function urlAt(host: string, authority: string): string {
  const url = new URL(server.url);
  url.hostname = host;
  url.search = new URLSearchParams({ sslmode: 'verify-full', sslrootcert: inFolder(authority) }).toString();
  return url.href;
}

test('with its own authority a node connects encrypted', async () => {
  const node = await startNode({ DATABASE_URL: urlAt('localhost', 'ca.crt') });
  try {
    expect((await node.api.me((await node.api.newUser()).accessToken)).status).toBe(200);
    const connections = await withPostgres(server.url, (client) =>
      client.query(
        `select distinct ssl from pg_stat_ssl join pg_stat_activity using (pid) where application_name = 'tokenfence'`,
      ),
    );
    expect(connections.rows).toEqual([{ ssl: true }]);
  } finally {
    await node.close();
  }
});

test.each([
  ['another host than the certificate names', '127.0.0.1', 'ca.crt', /certificate's altnames/],
  ['a certificate of another authority', 'localhost', 'other.crt', /certificate/],
])('%s is refused', async (_, host, authority, words) => {
  await expect(startNode({ DATABASE_URL: urlAt(host, authority) })).rejects.toMatchObject({
    name: 'StartError',
    message: expect.stringMatching(words),
  });
});
