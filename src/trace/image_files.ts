/** The files that a recipe names, inside the recording: images/DIGEST.zst. A recording replays without the originals. */
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { constants, zstdCompress, zstdDecompressSync } from 'node:zlib';
import type { FileReader } from '../machine/input_file.ts';
import { UserError } from '../user-error.ts';
import { sha256 } from './digest.ts';
import { DurableFile, syncPaths } from './durable_file.ts';
import { giveBack, roomFor } from './encode/zstd.ts';
import type { Recording } from './recording.ts';

/** Level 2 takes two thirds of the time of level 3, and 3 % more bytes. */
const PARAMETERS = { [constants.ZSTD_c_compressionLevel]: 2 };
const compress = promisify(zstdCompress);

const imagesDirectory = (directory: string) => join(directory, 'images');
const imagePath = (directory: string, digest: string) => join(imagesDirectory(directory), `${digest}.zst`);

/** Compresses files on other threads, and waits until they are on the disk. They are named by the digests of their bytes. */
export async function storeFilesByDigest(
  directory: string,
  files: ReadonlyMap<string, Uint8Array>,
): Promise<void> {
  if (files.size === 0) return;
  mkdirSync(imagesDirectory(directory));
  await Promise.all([...files].map(([digest, bytes]) => storeFile(directory, digest, bytes)));
  await syncPaths([imagesDirectory(directory)]);
}

async function storeFile(directory: string, digest: string, bytes: Uint8Array): Promise<void> {
  const packed = await compress(bytes, { params: PARAMETERS, chunkSize: roomFor(bytes) });
  const file = new DurableFile(imagePath(directory, digest));
  try {
    file.write(packed);
    giveBack(packed);
    await file.settle();
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
