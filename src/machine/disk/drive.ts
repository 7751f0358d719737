/** `--drive`: FILE and options in the manner of QEMU's. */
import { UserError } from '../../user-error.ts';
import type { DiskOpener } from './disk_file.ts';
import { type DiskFormat, openDiskImage } from './disk_image.ts';
import { CHANGED_BYTES_MAX, OverlayDisk } from './overlay.ts';

/** A disk of the machine, as its recipe has it. */
export interface Drive {
  /** Path as the user gave it. */
  readonly file: string;
  /** What the file's first bytes tell, when absent. */
  readonly format?: DiskFormat;
  readonly readonly?: boolean;
  /** What the guest reads as the disk's serial number. */
  readonly serial?: string;
}

const SERIAL_MAX = 20;
/** Options of QEMU that change nothing here: how the host caches, and that the image is not written. */
const IGNORED = new Set(['id', 'cache', 'aio', 'discard', 'detect-zeroes', 'snapshot', 'media', 'index']);
const INTERFACES = ['none', 'virtio'];

/** FILE, FILE,format=qcow2,readonly=on or file=FILE,if=none,id=hd,format=raw. A comma in a name is written twice. */
export function parseDrive(argument: string): Drive {
  const wrong = (what: string) => new UserError(`--drive ${argument}: ${what}`);
  let drive: Drive | undefined;
  const parts = argument.split(/(?<!,),(?!,)/).map((part) => part.replaceAll(',,', ','));
  for (const [i, part] of parts.entries()) {
    const [, key, value] = /^([a-z-]+)=(.*)$/s.exec(part) ?? [undefined, 'file', part];
    if (key === 'file') {
      if (value === '' || drive?.file) throw wrong('names no file, or more than one');
      drive = { ...drive, file: value };
    } else if (key === 'format') {
      if (value !== 'raw' && value !== 'qcow2') throw wrong('format must be raw or qcow2');
      drive = { file: '', ...drive, format: value };
    } else if (key === 'readonly' || key === 'read-only') {
      if (value !== 'on' && value !== 'off') throw wrong(`${key} must be on or off`);
      if (value === 'on') drive = { file: '', ...drive, readonly: true };
    } else if (key === 'serial') {
      if (!/^[ -~]{1,20}$/.test(value)) throw wrong(`serial has 1 to ${SERIAL_MAX} printable characters`);
      drive = { file: '', ...drive, serial: value };
    } else if (key === 'if') {
      if (!INTERFACES.includes(value))
        throw wrong('if must be none or virtio: every drive is a virtio-blk device');
    } else if (!IGNORED.has(key) && i === 0) drive = { ...drive, file: part };
    else if (!IGNORED.has(key))
      throw wrong(`${key} is no option: there are file, format, readonly and serial`);
  }
  if (!drive?.file) throw wrong('names no file');
  return drive;
}

/** The machine's disks. Throws UserError for a file that is no image that can be used. */
export function openDrives(drives: readonly Drive[], open: DiskOpener): OverlayDisk[] {
  return drives.map(({ file, format, readonly = false, serial = '' }, number) => {
    const image = openDiskImage(open(file), file, format);
    const changedBytesMax = CHANGED_BYTES_MAX / drives.length;
    return new OverlayDisk(number, image, { readOnly: readonly, serial, changedBytesMax });
  });
}
