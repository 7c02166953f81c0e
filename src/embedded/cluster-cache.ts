import { randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';

// The Postgres in memory needs 5 s of processor time for its `initdb`, and less than 1 s to load what that made.

const PACKAGE = '@electric-sql/pglite';
interface Dumpable {
  dumpDataDir(compression: 'none'): Promise<Blob>;
}

const FAST = { level: 1 };

/**
 * Finds the file, whether it exists or not. It is where tools keep what they can make again: `npm ci` removes it, and it is
 * trusted as the code beside it is.
 */
export async function findCache(): Promise<string | undefined> {
  const entry = createRequire(__filename).resolve(PACKAGE);
  const [, modules, folder] = /^(.*[/\\]node_modules)([/\\]@electric-sql[/\\]pglite)[/\\]/.exec(entry) ?? [];
  if (modules === undefined || folder === undefined) return undefined;
  const { version } = JSON.parse(await readFile(join(modules, folder, 'package.json'), 'utf8')) as {
    version: string;
  };
  return join(modules, '.cache/tokenfence', `pglite-${version}.tar.gz`);
}

async function read(file: string): Promise<Blob | undefined> {
  try {
    // gzip has a checksum: a damaged file is not read.
    return new Blob([await promisify(gunzip)(await readFile(file))]);
  } catch {
    return undefined;
  }
}

async function keep(database: Dumpable, file: string): Promise<void> {
  const made = `${file}.${randomUUID()}`;
  try {
    const dump = await database.dumpDataDir('none');
    const packed = await promisify(gzip)(Buffer.from(await dump.arrayBuffer()), FAST);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(made, packed);
    // Renamed when it is complete: another process may read it now, or write its own.
    await rename(made, file);
  } catch {
    // The folder is read-only, or the disk is full. The next start takes longer.
    await rm(made, { force: true }).catch(() => undefined);
  }
}

/**
 * Opens an empty Postgres in memory. What its `initdb` made is kept in a file, and loaded the next time.
 *
 * @param open opens it, from this dump if there is one
 */
export async function openInMemory<T extends Dumpable>(
  open: (dump?: Blob) => Promise<T>,
  file: string | undefined,
): Promise<T> {
  const dump = file && (await read(file));
  const loaded = dump && (await open(dump).catch(() => undefined));
  if (loaded) return loaded;
  const made = await open();
  if (file) await keep(made, file);
  return made;
}
