/** Files that are either whole under their name or not there: written aside, synced, renamed. */
import { createHash } from 'node:crypto';
import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';

export const TEMPORARY = '.tmp';

export class DurableFile {
  readonly path: string;
  readonly #fd: number;
  readonly #hash = createHash('sha256');
  /** Bytes written so far. */
  position = 0;

  constructor(path: string) {
    this.path = path;
    this.#fd = openSync(path + TEMPORARY, 'w');
  }

  write(bytes: Uint8Array): void {
    for (let done = 0; done < bytes.length; ) done += writeSync(this.#fd, bytes, done, bytes.length - done);
    this.#hash.update(bytes);
    this.position += bytes.length;
  }

  /** Puts the file in its place; it is safe there once the directory is synced. Returns the SHA-256 of its bytes. */
  commit(): string {
    fsyncSync(this.#fd);
    closeSync(this.#fd);
    renameSync(this.path + TEMPORARY, this.path);
    return this.#hash.digest('hex');
  }

  abandon(): void {
    closeSync(this.#fd);
    rmSync(this.path + TEMPORARY, { force: true });
  }
}

export function syncDirectory(path: string): void {
  const fd = openSync(path, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** Writes or replaces a small file atomically. */
export function writeDurably(path: string, text: string): void {
  const file = new DurableFile(path);
  file.write(Buffer.from(text, 'utf8'));
  file.commit();
  syncDirectory(dirname(path));
}
