import { mkdir, stat, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { StartError } from '../core/start-error';
import { findCache, openInMemory } from './cluster-cache';
import { inFolder } from './folder-faults';
import { lockFolder } from './folder-lock';

export interface EmbeddedPostgres {
  /** Settings with which the `pg` driver connects. */
  readonly inProcess: object;
  close(): Promise<void>;
}

export class FolderTakenError extends StartError {
  override readonly name = 'FolderTakenError';
}

/**
 * Creates the folder and its missing parents. Returns the first one that it created, if any.
 *
 * Not with `recursive`: in a file system where nobody can create folders, such as /proc, Node 20 retries forever.
 */
async function makeFolder(folder: string): Promise<string | undefined> {
  const isThere = await stat(folder).then(
    (found) => found.isDirectory(),
    () => false,
  );
  if (isThere) return undefined;
  const above = dirname(folder);
  const made = above === folder ? undefined : await makeFolder(above);
  await mkdir(folder, { mode: 0o700 });
  return made ?? folder;
}

/** The folder of a Postgres that keeps its data in memory, until it is closed. */
export const IN_MEMORY = 'memory://';

/** Starts the Postgres. @param place its folder, or `IN_MEMORY` */
async function start(place: string): Promise<EmbeddedPostgres> {
  // Loaded only here: a server with a real Postgres does not need it, and it takes 700 MB of memory to start.
  const { PGlite } = await import('@electric-sql/pglite');
  const { createPgConfig } = await import('@electric-sql/pglite/node-postgres');
  const database =
    place === IN_MEMORY
      ? await openInMemory(
          (loadDataDir) => PGlite.create({ loadDataDir }),
          await findCache().catch(() => undefined),
        )
      : await PGlite.create({ dataDir: place });
  return {
    inProcess: {
      connection: createPgConfig(database).connection,
      // A client destroyed inside a transaction leaves it open, because no connection is lost.
      verify: (client: { query(sql: string): Promise<unknown> }, done: (error?: Error) => void) => {
        client.query('rollback').then(
          () => done(),
          (error: unknown) => done(error as Error),
        );
      },
    },
    close: () => database.close(),
  };
}

/**
 * Opens the Postgres inside this process, with its data in `dataDir`, which is created if missing, or in memory. Throws
 * `FolderTakenError` if another process uses the folder, because two would destroy each other's data, and `StartError`
 * if it cannot be used.
 */
export async function openEmbeddedPostgres(dataDir: string): Promise<EmbeddedPostgres> {
  if (dataDir === IN_MEMORY) return start(IN_MEMORY);
  const folder = resolve(dataDir);
  const unlock = await inFolder(folder, async () => {
    const made = await makeFolder(folder);
    // It holds the secret and the users, so a folder that we create must not be committed.
    if (made !== undefined) await writeFile(join(folder, '.gitignore'), '*\n');
    return lockFolder(folder);
  });
  if (!unlock) {
    throw new FolderTakenError(
      `Another Tokenfence process uses the folder ${folder}. The embedded mode allows one process: stop the other one, ` +
        'choose another folder with DATA_DIR, or use a Postgres server with DATABASE_URL.',
    );
  }
  try {
    const dataFolder = join(folder, 'postgres');
    const database = await start(dataFolder).catch((error: unknown) => {
      const { message } = error as Error;
      throw new StartError(
        `The Postgres in DATA_DIR, ${dataFolder}, does not start: ${message || String(error)}. This user must be able ` +
          'to write to the whole folder. If its files are damaged, restore them from a backup.',
      );
    });
    return {
      ...database,
      async close() {
        await database.close();
        await unlock();
      },
    };
  } catch (error) {
    await unlock();
    throw error;
  }
}
