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

/** Debian keeps the programs of each Postgres version in a folder outside the path. */
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
    // RUNLEVEL keeps the package from starting a server on the standard port.
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' },
  });
}

/** Finds a program, or says how to install it. */
export function programOf(name: string): string {
  const program = findProgram(name);
  if (program !== undefined) return program;
  throw new Error(
    `The tests need ${name}: install it (on Debian or Ubuntu: apt-get install ${PACKAGES[name] ?? name}).`,
  );
}

/** Installs the missing programs, with a message, where that needs no password. */
export function installMissing(names: readonly string[]): void {
  const packages = names.filter((name) => !findProgram(name)).map((name) => PACKAGES[name] ?? name);
  if (packages.length === 0 || !isRootOnDebian()) return;
  process.stderr.write(`The tests need ${packages.join(' and ')}: installing with apt-get.\n`);
  aptGet('update');
  aptGet('install', '-y', '--no-install-recommends', ...packages);
}

/** Whether a Docker engine answers, not only its client. */
export function hasDocker(): boolean {
  try {
    execFileSync('docker', ['compose', 'version'], { stdio: 'ignore' });
    execFileSync('docker', ['info'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
