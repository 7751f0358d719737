/** The host's files that hold disk images: read in chunks, on demand, and never written. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { UserError } from '../../user-error.ts';

/** An image's bytes. */
export interface DiskFile {
  /** Bytes. */
  readonly size: number;
  /** Fills `target` from `position` on; behind the end are zeros. Throws UserError where the host cannot read it. */
  read(position: number, target: Uint8Array): void;
}

/** Opens the file that a recipe names. */
export type DiskOpener = (path: string) => DiskFile;

export const CHUNK = 2 ** 18;
/** Chunks that are kept: 32 MiB. */
const KEPT = 128;

const REASONS: { readonly [code: string]: string } = {
  ENOENT: 'no such file',
  EACCES: 'permission denied',
  EISDIR: 'is a directory',
};

/** A file of the host, which is opened for each chunk anew: there is nothing to close. `check` is told each chunk read. */
export class HostDiskFile implements DiskFile {
  readonly path: string;
  readonly size: number;
  readonly #check: (index: number, chunk: Uint8Array) => void;
  /** By number; the most recently used is last. */
  readonly #chunks = new Map<number, Uint8Array>();

  constructor(path: string, check: (index: number, chunk: Uint8Array) => void = () => {}) {
    this.path = path;
    this.#check = check;
    this.size = withFile(path, (descriptor) => {
      const stat = fstatSync(descriptor);
      if (!stat.isFile()) throw new UserError(`${path}: a disk image must be a regular file`);
      return stat.size;
    });
    if (this.size === 0) throw new UserError(`${path}: is empty`);
  }

  read(position: number, target: Uint8Array): void {
    for (let done = 0; done < target.length; ) {
      const at = position + done;
      const within = at % CHUNK;
      const count = Math.min(CHUNK - within, target.length - done);
      const chunk = at < this.size ? this.#chunk(Math.floor(at / CHUNK)) : undefined;
      const part = chunk?.subarray(within, within + count) ?? new Uint8Array();
      target.set(part, done);
      target.fill(0, done + part.length, done + count);
      done += count;
    }
  }

  /** All chunks in order, none of them kept. */
  *chunks(): Generator<Uint8Array> {
    for (let index = 0; index * CHUNK < this.size; index++) yield this.#load(index);
  }

  #chunk(index: number): Uint8Array {
    let chunk = this.#chunks.get(index);
    if (chunk === undefined) {
      chunk = this.#load(index);
      this.#check(index, chunk);
      if (this.#chunks.size === KEPT) this.#chunks.delete(this.#chunks.keys().next().value!);
    } else this.#chunks.delete(index);
    this.#chunks.set(index, chunk);
    return chunk;
  }

  #load(index: number): Uint8Array {
    return withFile(this.path, (descriptor) => {
      const chunk = new Uint8Array(Math.min(CHUNK, this.size - index * CHUNK));
      for (let done = 0; done < chunk.length; ) {
        const got = readSync(descriptor, chunk, done, chunk.length - done, index * CHUNK + done);
        if (got === 0) throw new UserError(`${this.path}: the disk image became shorter while it was in use`);
        done += got;
      }
      return chunk;
    });
  }
}

/** An image that is in memory. */
export class MemoryDiskFile implements DiskFile {
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }
  get size(): number {
    return this.#bytes.length;
  }
  read(position: number, target: Uint8Array): void {
    const part = this.#bytes.subarray(position, position + target.length);
    target.set(part);
    target.fill(0, part.length);
  }
}

function withFile<T>(path: string, use: (descriptor: number) => T): T {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(path, 'r');
    return use(descriptor);
  } catch (error) {
    if (error instanceof UserError) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    throw new UserError(`${path}: ${REASONS[code ?? ''] ?? message}`);
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}
