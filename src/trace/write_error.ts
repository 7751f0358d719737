/** What a user is told when the disk refuses. Apart from the writer, whose libraries the guest's thread does not need. */
import { UserError } from '../user-error.ts';

const CAUSES: { readonly [code: string]: string } = {
  ENOSPC: 'no space is left on the device',
  EDQUOT: 'the disk quota is used up',
  EFBIG: 'a file became larger than "ulimit -f" allows',
  EACCES: 'permission is denied',
  EROFS: 'the file system is read-only',
  ENOENT: 'there is no such directory',
  ENOTDIR: 'a part of the path is no directory',
  EIO: 'the device reports an error',
};

/** The user's line for an error of the file system; any other error is ours and stays as it is. */
export function writeError(directory: string, error: unknown, epochs: number): unknown {
  const { code, syscall } = error as NodeJS.ErrnoException;
  if (code === undefined || syscall === undefined) return error;
  const kept =
    epochs === 0
      ? 'nothing was committed'
      : `what was recorded up to epoch ${epochs} is whole and can be read`;
  return new UserError(`cannot write ${directory}: ${CAUSES[code] ?? code}; ${kept}`);
}
