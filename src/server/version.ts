import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Reads package.json, which is above `dist/src` when built, and above `src` in tests. */
function readVersion(): string {
  const path = ['../../../package.json', '../../package.json']
    .map((up) => join(__dirname, up))
    .find((candidate) => existsSync(candidate));
  if (path === undefined) return 'unknown';
  return (JSON.parse(readFileSync(path, 'utf8')) as { version: string }).version;
}

/** The version of this package. */
export const version = readVersion();
