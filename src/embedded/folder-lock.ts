import { randomUUID } from 'node:crypto';
import { rename, rm } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { StartError } from '../core/start-error';

/** The longest path of a socket that works on every system. */
const LONGEST_SOCKET_PATH = 100;

/** Whether a process listens at `path`, even if it is suspended and does not answer. */
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
 * Locks the folder for this process. Returns the function that unlocks it, or `undefined` if another process holds it.
 * The lock is a socket in the folder: the system releases it however the process ends, and a reused process id cannot
 * be mistaken for it.
 *
 * @param folder exists, and its path is at most 80 characters, because a socket's path is limited
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
    // A killed process left it behind. It is moved, not deleted: if another process took the folder since the check,
    // this is its live socket, and is moved back. For that moment a third process could start too.
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
