/** Reads the files that a user names on the command line. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { UserError } from '../user-error.ts';

/** Larger files than any image. */
const FILE_MAX = 2 ** 31 - 2;
/** A device or a pipe without an end stops here. */
const STREAM_MAX = 2 ** 29;
const CHUNK = 2 ** 20;
/** How long a reader pauses where nothing is there yet. */
const PAUSE_MS = 5;
const PAUSE = new Int32Array(new SharedArrayBuffer(4));

const REASONS: { readonly [code: string]: string } = {
  ENOENT: 'no such file',
  EACCES: 'permission denied',
  EISDIR: 'is a directory',
};

/** The name of a file for messages: `-` is standard input. */
export const inputName = (path: string) => (path === '-' ? 'standard input' : path);

/** Gives the bytes of a file that a recipe names. */
export type FileReader = (path: string) => Uint8Array;

/**
 * The bytes of a file, or of standard input for `-`; `shared`, if it is a file, in memory that threads can share. A `UserError` where it
 * cannot be read, is empty, or is too large.
 */
export function readInputFile(path: string, shared = false): Uint8Array {
  const name = inputName(path);
  let descriptor = 0;
  try {
    if (path !== '-') descriptor = openSync(path, 'r');
    const bytes = readAll(descriptor, name, shared);
    if (bytes.length === 0) throw new UserError(`${name}: is empty`);
    return bytes;
  } catch (error) {
    if (error instanceof UserError) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    throw new UserError(`${name}: ${REASONS[code ?? ''] ?? message}`);
  } finally {
    if (descriptor > 0) closeSync(descriptor);
  }
}

function readAll(descriptor: number, name: string, shared: boolean): Uint8Array {
  const stat = fstatSync(descriptor);
  const limit = stat.isFile() ? FILE_MAX : STREAM_MAX;
  const tooLarge = () => new UserError(`${name}: larger than ${limit} bytes`);
  if (stat.isFile() && stat.size > limit) throw tooLarge();
  const size = stat.isFile() ? stat.size + 1 : CHUNK;
  let bytes = new Uint8Array(shared ? new SharedArrayBuffer(size) : new ArrayBuffer(size));
  for (let length = 0; ; ) {
    if (length > limit) throw tooLarge();
    if (length === bytes.length) {
      const larger = new Uint8Array(Math.min(length * 2, limit + 1));
      larger.set(bytes);
      bytes = larger;
    }
    const got = readSome(descriptor, bytes, length);
    if (got === 0) return bytes.subarray(0, length);
    length += got;
  }
}

/** Reads what is there, at least a byte; 0 at the end. */
function readSome(descriptor: number, bytes: Uint8Array, at: number): number {
  for (;;)
    try {
      return readSync(descriptor, bytes, at, Math.min(bytes.length - at, 2 ** 30), null);
    } catch (error) {
      // Whoever shares a pipe or a terminal with us may have said that reads of it do not wait.
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
      Atomics.wait(PAUSE, 0, 0, PAUSE_MS);
    }
}
