/**
 * Files that are either whole under their name or not there: written aside and renamed. What makes others count, as a manifest does, is
 * synced before it is renamed, and so are they. Syncing waits for the disk, so what belongs together is synced together, and nobody
 * waits who has other things to do.
 */
import { createHash } from 'node:crypto';
import { closeSync, openSync, fsync as plainFsync, renameSync, rmSync, writeSync } from 'node:fs';
import { promisify } from 'node:util';

export const TEMPORARY = '.tmp';
const fsync = promisify(plainFsync);

export class DurableFile {
  readonly path: string;
  #fd: number | undefined;
  /** Where it is. */
  #at: string;
  readonly #hash = createHash('sha256');
  /** Bytes written so far. */
  position = 0;

  constructor(path: string) {
    this.path = path;
    this.#at = path + TEMPORARY;
    this.#fd = openSync(this.#at, 'w');
  }

  write(bytes: Uint8Array): void {
    for (let done = 0; done < bytes.length; ) done += writeSync(this.#fd!, bytes, done, bytes.length - done);
    this.#hash.update(bytes);
    this.position += bytes.length;
  }

  /** SHA-256 of the bytes; nothing is written afterwards. */
  checksum(): string {
    return this.#hash.digest('hex');
  }

  /** Waits until the bytes are on the disk. */
  async sync(): Promise<void> {
    await fsync(this.#fd!);
  }

  /** Puts the file in its place; it is safe there if it was synced, once the directory is synced. */
  place(): void {
    this.#close();
    this.#rename();
  }

  /** Puts the file in its place and waits until its bytes are on the disk: it is safe there once the directory is synced. */
  async settle(): Promise<void> {
    this.#rename();
    await this.sync();
    this.#close();
  }

  /** Takes it away, wherever it is. */
  abandon(): void {
    this.#close();
    rmSync(this.#at, { force: true });
  }

  #rename(): void {
    renameSync(this.#at, this.path);
    this.#at = this.path;
  }

  #close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }
}

/** A file of `text`, not yet in its place. */
export function textFile(path: string, text: string): DurableFile {
  const file = new DurableFile(path);
  try {
    file.write(Buffer.from(text, 'utf8'));
  } catch (error) {
    file.abandon();
    throw error;
  }
  return file;
}

/** Waits until what is under these paths, files or directories, is on the disk. */
export async function syncPaths(paths: readonly string[]): Promise<void> {
  const sync = async (path: string) => {
    const fd = openSync(path, 'r');
    try {
      await fsync(fd);
    } finally {
      closeSync(fd);
    }
  };
  await Promise.all(paths.map(sync));
}
