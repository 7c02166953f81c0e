import { StartError } from '../core/start-error';

/** What is wrong with a folder, by Node's error code. */
const REASONS: Record<string, string> = {
  EACCES: 'this user may not write there',
  EPERM: 'this user may not write there',
  EROFS: 'the file system is read-only',
  ENOTDIR: 'a part of the path is not a folder',
  EEXIST: 'a file with that name exists',
  ENOENT: 'a part of the path does not exist',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the quota is used up',
};

/** Runs work on the folder of the embedded mode. Throws `StartError` if the folder cannot be used. */
export async function inFolder<T>(folder: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const reason = code === undefined ? undefined : REASONS[code];
    if (reason === undefined) throw error;
    throw new StartError(
      `DATA_DIR, ${folder}, cannot be used: ${reason} (${code ?? ''}). Use a folder that this user can write to.`,
    );
  }
}
