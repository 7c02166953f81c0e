import { mkdir, stat, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { StartError } from '../core/start-error';
import { inFolder } from './folder-faults';
import { lockFolder } from './folder-lock';

export interface EmbeddedPostgres {
  /** Settings by which the `pg` driver talks to it. */
  readonly inProcess: object;
  close(): Promise<void>;
}

export class FolderTakenError extends Error {
  override readonly name = 'FolderTakenError';
}

/**
 * Makes the folder, with those above it that are missing. Answers the first one that it made, if any.
 *
 * Not by `recursive`: in a file system that lets nobody make folders, such as /proc, Node 20 tries for ever.
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

/**
 * Opens the Postgres that lives in this process and keeps its data in `dataDir`, which is made if need be. Throws
 * `FolderTakenError` when another process has the folder: two would destroy each other's data; and `StartError` when the
 * folder cannot be used.
 */
export async function openEmbeddedPostgres(dataDir: string): Promise<EmbeddedPostgres> {
  const folder = resolve(dataDir);
  const unlock = await inFolder(folder, async () => {
    const made = await makeFolder(folder);
    // It holds the secret and the users: a folder of ours is not committed with the project around it.
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
    // Loaded late: a server on a real Postgres never needs it, and it is 700 MB of memory when it starts.
    const { PGlite } = await import('@electric-sql/pglite');
    const { createPgConfig } = await import('@electric-sql/pglite/node-postgres');
    const dataFolder = join(folder, 'postgres');
    const database = await PGlite.create({ dataDir: dataFolder }).catch((error: unknown) => {
      const { message } = error as Error;
      throw new StartError(
        `The Postgres in DATA_DIR, ${dataFolder}, does not start: ${message || String(error)}. This user must be able to ` +
          'write all of the folder. If its files are damaged, restore them from a backup.',
      );
    });
    return {
      inProcess: {
        connection: createPgConfig(database).connection,
        // A client that was destroyed in the middle of a transaction leaves it open, as there is no connection to lose.
        verify: (client: { query(sql: string): Promise<unknown> }, done: (error?: Error) => void) => {
          client.query('rollback').then(
            () => done(),
            (error: unknown) => done(error as Error),
          );
        },
      },
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
