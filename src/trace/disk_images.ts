/**
 * Disk images in recordings. A small one is stored whole, as all files of a recipe are. Of a large one the recording has the size
 * and the digests of its chunks: a replay reads the image where it was, or next to the recording, and compares what it
 * reads. So a recording stays small, and an image that changed is noticed where it matters.
 */
import { basename, dirname, join } from 'node:path';
import { CHUNK, type DiskFile, HostDiskFile, MemoryDiskFile } from '../machine/disk/disk_file.ts';
import type { Recipe } from '../machine/recipe.ts';
import { UserError } from '../user-error.ts';
import { sha256 } from './digest.ts';
import { storedFiles } from './image_files.ts';
import type { Recording } from './recording.ts';

/** An image, and what a recording keeps of it: a file by the name that `images` has it under. */
export interface RecordedDisk {
  readonly file: DiskFile;
  readonly name: string;
  readonly stored: Uint8Array;
}

/** Opens the image that a recipe names. */
export type DiskSource = (path: string) => RecordedDisk;

/** Images up to this size are stored whole. */
const STORED_WHOLE_MAX = 2 ** 25;
const DIGEST = 32;
/** Size of the image, before the digests. */
const SIZE_BYTES = 8;

/** Whether a name in `images` is that of a disk. */
export const isDiskImage = ({ facts }: Recording, name: string): boolean => {
  const { drives = [] } = facts.recipe as Partial<Recipe>;
  return drives.some(({ file }) => name === file || name === partsName(file));
};

const partsName = (path: string) => `${path} (digests of its parts)`;

/** The images as they are now. */
export const hostDisks: DiskSource = (path) => {
  const host = new HostDiskFile(path);
  if (host.size <= STORED_WHOLE_MAX) {
    const bytes = new Uint8Array(host.size);
    host.read(0, bytes);
    return { file: new MemoryDiskFile(bytes), name: path, stored: bytes };
  }
  const stored = new Uint8Array(SIZE_BYTES + DIGEST * Math.ceil(host.size / CHUNK));
  new DataView(stored.buffer).setBigUint64(0, BigInt(host.size), true);
  let index = 0;
  for (const chunk of host.chunks()) stored.set(digestOf(chunk), SIZE_BYTES + DIGEST * index++);
  return { file: checkedFile(path, stored, 'changed while it was in use'), name: partsName(path), stored };
};

/** The images of a recording. */
export function recordedDisks(recording: Recording): DiskSource {
  const files = storedFiles(recording);
  return (path) => {
    if (recording.facts.images[path] !== undefined) {
      const stored = files(path);
      return { file: new MemoryDiskFile(stored), name: path, stored };
    }
    const name = partsName(path);
    const stored = files(name);
    const why = `is not the disk image of ${recording.directory}: put that back, or next to the recording`;
    return { file: checkedFile(imagePlace(path, recording), stored, why), name, stored };
  };
}

/** Where a large image is now. */
function imagePlace(path: string, { directory }: Recording): string {
  const places = [path, join(dirname(directory), basename(path))];
  for (const place of places)
    try {
      new HostDiskFile(place);
      return place;
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
    }
  throw new UserError(
    `${path}: the disk image of ${directory} is not there: put it back, or next to the recording`,
  );
}

/** The file, each of whose chunks is compared with its digest when it is read. */
function checkedFile(path: string, digests: Uint8Array, otherwise: string): DiskFile {
  const changed = () => new UserError(`${path}: ${otherwise}`);
  const size = Number(new DataView(digests.buffer, digests.byteOffset).getBigUint64(0, true));
  const file = new HostDiskFile(path, (index, chunk) => {
    const at = SIZE_BYTES + DIGEST * index;
    if (Buffer.compare(digestOf(chunk), digests.subarray(at, at + DIGEST)) !== 0) throw changed();
  });
  if (file.size !== size) throw changed();
  return file;
}

const digestOf = (chunk: Uint8Array) => Buffer.from(sha256(chunk), 'hex');
