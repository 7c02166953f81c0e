import { StartError } from '../core/start-error';

/** By the code of Node: what a file system has against a folder, for a person. */
const REASONS: Record<string, string> = {
  EACCES: 'this user may not write there',
  EPERM: 'this user may not write there',
  EROFS: 'the file system is read-only',
  ENOTDIR: 'a part of the path is not a folder',
  EEXIST: 'there is a file of that name',
  ENOENT: 'a part of the path does not exist',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the quota is used up',
};

/**
 * Runs work on the folder of the embedded mode. Throws `StartError` where the folder is what is wrong, and anything else
 * as it is.
 */
export async function inFolder<T>(folder: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const reason = code === undefined ? undefined : REASONS[code];
    if (reason === undefined) throw error;
    throw new StartError(
      `DATA_DIR, ${folder}, cannot be used: ${reason} (${code ?? ''}). Name a folder that this user may write.`,
    );
  }
}
