import { execFile } from 'node:child_process';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** V8 compiles the embedded Postgres only once: a second compilation does not pay for a life of seconds. */
export const QUICK_START = '--liftoff-only';

const MAKE = `
  const { PGlite } = require('@electric-sql/pglite');
  PGlite.create({ dataDir: process.argv[1] }).then((database) => database.close());
`;

/** Makes the empty embedded Postgres that `newEmbeddedFolder` copies. Making one takes seconds. */
export async function prepareEmbeddedFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tokenfence-prepared-'));
  await promisify(execFile)(process.execPath, [QUICK_START, '-e', MAKE, join(folder, 'postgres')]);
  return folder;
}

export interface EmbeddedFolder {
  /** For `DATA_DIR`. */
  readonly path: string;
  remove(): Promise<void>;
}

/** Makes a folder for one test, with an embedded Postgres that has no tables yet. */
export async function newEmbeddedFolder(): Promise<EmbeddedFolder> {
  const folder = await mkdtemp(join(tmpdir(), 'tokenfence-embedded-'));
  const path = join(folder, 'data');
  await cp(process.env.PREPARED_EMBEDDED_FOLDER ?? '', path, { recursive: true });
  return {
    path,
    remove: () => rm(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 }),
  };
}
