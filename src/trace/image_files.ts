/** The files that a recipe names, inside the recording: images/DIGEST.zst. A recording replays without the originals. */
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { constants, zstdCompress, zstdDecompressSync } from 'node:zlib';
import type { FileReader } from '../machine/input_file.ts';
import { UserError } from '../user-error.ts';
import { sha256 } from './digest.ts';
import { DurableFile } from './durable_file.ts';
import { giveBack, roomFor } from './encode/zstd.ts';
import type { Recording } from './recording.ts';

/** Level 2 takes two thirds of the time of level 3, and 3 % more bytes. */
const PARAMETERS = { [constants.ZSTD_c_compressionLevel]: 2 };
const compress = promisify(zstdCompress);

const imagePath = (directory: string, digest: string) => join(directory, 'images', `${digest}.zst`);

/** The files stored so far, and their directory. */
export function storedFilePaths(directory: string): string[] {
  const images = join(directory, 'images');
  return existsSync(images) ? [images, ...readdirSync(images).map((name) => join(images, name))] : [];
}

/** Compresses it on another thread, and puts it in its place; it is synced with the first epoch. `digest` is that of the bytes. */
export async function storeFile(directory: string, digest: string, bytes: Uint8Array): Promise<void> {
  const packed = await compress(bytes, { params: PARAMETERS, chunkSize: roomFor(bytes) });
  mkdirSync(join(directory, 'images'), { recursive: true });
  const file = new DurableFile(imagePath(directory, digest));
  try {
    file.write(packed);
    file.place();
    giveBack(packed);
  } catch (error) {
    file.abandon();
    throw error;
  }
}

/** Reads the recipe's files out of the recording, by the names the recipe gives them. */
export function storedFiles(recording: Recording): FileReader {
  return (path) => {
    const digest = recording.facts.images[path];
    const file = imagePath(recording.directory, digest ?? 'missing');
    try {
      const bytes = zstdDecompressSync(readFileSync(file));
      if (sha256(bytes) === digest) return bytes;
    } catch {}
    throw new UserError(
      `${file}: the copy of ${path} is missing or damaged: the recording cannot be replayed`,
    );
  };
}
