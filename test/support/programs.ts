import { execFileSync } from 'node:child_process';
import { accessSync, constants, existsSync, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';

const onPath = (name: string) =>
  (process.env.PATH ?? '')
    .split(delimiter)
    .map((folder) => join(folder, name))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });

/** Debian keeps the programs of each Postgres in a folder of its own, off the path. */
function inDebianFolder(name: string): string | undefined {
  const base = '/usr/lib/postgresql';
  if (!existsSync(base)) return undefined;
  const versions = readdirSync(base).sort((a, b) => Number(b) - Number(a));
  return versions.map((version) => join(base, version, 'bin', name)).find((path) => existsSync(path));
}

export const findProgram = (name: string): string | undefined => inDebianFolder(name) ?? onPath(name);

const PACKAGES: Record<string, string> = { postgres: 'postgresql', 'redis-server': 'redis-server' };

const isRootOnDebian = () =>
  process.getuid?.() === 0 && existsSync('/etc/debian_version') && onPath('apt-get');

function aptGet(...args: string[]): void {
  execFileSync('apt-get', ['-qq', ...args], {
    stdio: ['ignore', 'ignore', 'inherit'],
    // RUNLEVEL keeps the package from starting a server of its own on the standard port.
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' },
  });
}

/** Installs what is missing of these programs, where that can be done without asking. Says so when it does. */
export function installMissing(names: readonly string[]): void {
  const packages = names.filter((name) => !findProgram(name)).map((name) => PACKAGES[name] ?? name);
  if (packages.length === 0 || !isRootOnDebian()) return;
  process.stderr.write(`The tests need ${packages.join(' and ')}: installing with apt-get.\n`);
  aptGet('update');
  aptGet('install', '-y', '--no-install-recommends', ...packages);
}

/** Whether there is a Docker engine that answers, not merely its client. */
export function hasDocker(): boolean {
  try {
    execFileSync('docker', ['compose', 'version'], { stdio: 'ignore' });
    execFileSync('docker', ['info'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
