import { randomUUID } from 'node:crypto';
import { rename, rm } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { StartError } from '../core/start-error';

/** Longest path that every system takes for a socket. */
const LONGEST_SOCKET_PATH = 100;

/** Whether a process listens at `path`, be it one that is suspended and does not answer. */
function isListenedAt(path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    socket.on('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED' || error.code === 'ENOENT') resolve(false);
      else reject(error);
    });
  });
}

function listenAt(path: string): Promise<Server | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(undefined);
      else reject(error);
    });
    server.listen(path, () => resolve(server.unref()));
  });
}

/**
 * Takes the folder for this process alone, and answers the function that gives it back; `undefined` when another
 * process has it. The lock is a socket in the folder: the system gives it back with the process, however that ends,
 * and no process id is taken for another one that came after it.
 *
 * @param folder exists, and its path is at most 80 characters, as sockets can't be named by longer ones
 */
export async function lockFolder(folder: string): Promise<(() => Promise<void>) | undefined> {
  const path =
    process.platform === 'win32' ? `\\\\.\\pipe\\${folder.replace(/\W/g, '-')}` : join(folder, 'lock');
  if (path.length > LONGEST_SOCKET_PATH) {
    throw new StartError(
      `The path of DATA_DIR is too long (${folder.length} characters). Use a shorter one.`,
    );
  }
  let server = await listenAt(path);
  if (!server) {
    if (await isListenedAt(path)) return undefined;
    // Left behind by a process that was killed. It is moved away, not deleted: should another process have taken the
    // folder since we looked, then its live socket is what we hold now, and it is put back. That leaves a chance of a
    // moment to a third process that starts in it, too.
    const aside = join(folder, `lock.${randomUUID().slice(0, 8)}`);
    await rename(path, aside).catch(() => undefined);
    if (await isListenedAt(aside)) {
      await rename(aside, path);
      return undefined;
    }
    await rm(aside, { force: true });
    server = await listenAt(path);
    if (!server) return undefined;
  }
  const taken = server;
  return () => new Promise((resolve) => taken.close(() => resolve()));
}
