import { spawn } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { findProgram, installMissing } from '../../test/support/programs';
import { freePort } from '../../test/support/servers';
import { ROOT } from './node';

/** Something that listens, until it is stopped. */
export interface Listening {
  readonly url: string;
  stop(): Promise<void>;
}

const EXAMPLE = join(ROOT, 'examples/proxies');

/** The addresses in the example. */
const GUARD = '127.0.0.1:4010';
const SERVICE = '127.0.0.1:4020';
const OWN = '127.0.0.1:8080';

/** A service that answers every request with the same bytes. */
export async function startPlainService(): Promise<Listening> {
  const server = createServer((request, response) => {
    request.resume();
    response.writeHead(200, { 'content-type': 'text/plain', 'content-length': '3' }).end('ok\n');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Starts nginx with the file of the example. Only its addresses are others. */
export async function startNginx(guardUrl: string, serviceUrl: string): Promise<Listening> {
  installMissing(['nginx']);
  const program = findProgram('nginx') ?? '/usr/sbin/nginx';
  const folder = mkdtempSync(join(tmpdir(), 'tokenfence-nginx-'));
  cpSync(EXAMPLE, folder, { recursive: true });
  const own = `127.0.0.1:${await freePort()}`;
  const text = readFileSync(join(EXAMPLE, 'nginx.conf'), 'utf8')
    .replaceAll(GUARD, new URL(guardUrl).host)
    .replaceAll(SERVICE, new URL(serviceUrl).host)
    .replaceAll(OWN, own);
  writeFileSync(join(folder, 'nginx.conf'), text);
  const child = spawn(program, ['-p', folder, '-c', join(folder, 'nginx.conf')], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  process.once('exit', () => child.kill('SIGKILL'));
  const url = `http://${own}`;
  const answers = () =>
    fetch(`${url}/public/`).then(
      ({ ok }) => ok,
      () => false,
    );
  while (!(await answers())) {
    if (child.exitCode !== null) throw new Error('nginx ended.');
    await sleep(25);
  }
  return {
    url,
    async stop() {
      child.kill('SIGTERM');
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
