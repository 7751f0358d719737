/** What an image file holds, as its format says. */
import type { DiskFile } from './disk_file.ts';
import { isQcow2, Qcow2Image } from './qcow2.ts';

export type DiskFormat = 'raw' | 'qcow2';

/** The bytes of a disk; nothing is ever written to it. */
export interface DiskImage {
  /** Bytes. */
  readonly size: number;
  /** Fills `target`; behind the end are zeros. False where the image is damaged there. */
  read(position: number, target: Uint8Array): boolean;
}

/** Without a format, the file's first bytes tell. `name` is the file's, for messages. */
export function openDiskImage(file: DiskFile, name: string, format: DiskFormat | undefined): DiskImage {
  const start = new Uint8Array(4);
  file.read(0, start);
  if (format !== 'raw' && (isQcow2(start) || format === 'qcow2')) return new Qcow2Image(file, name);
  return {
    size: file.size,
    read: (position, target) => {
      file.read(position, target);
      return true;
    },
  };
}
