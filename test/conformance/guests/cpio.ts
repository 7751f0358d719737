/** An initramfs in the format that Linux unpacks: cpio "newc" (kernel Documentation/driver-api/early-userspace/buffer-format.rst). */

export interface CpioEntry {
  /** Path without a leading slash. */
  readonly path: string;
  /** File type and permissions, as in st_mode. */
  readonly mode: number;
  readonly content?: Uint8Array;
  /** Of a device node. */
  readonly device?: { readonly major: number; readonly minor: number };
}

export const directory = (path: string): CpioEntry => ({ path, mode: 0o040755 });
export const executable = (path: string, content: Uint8Array): CpioEntry => ({
  path,
  mode: 0o100755,
  content,
});
export const characterDevice = (path: string, major: number, minor: number): CpioEntry => ({
  path,
  mode: 0o020600,
  device: { major, minor },
});

const pad4 = (length: number) => (4 - (length % 4)) % 4;

/** The archive; it depends on nothing but the entries: no dates, no owners. */
export function cpio(entries: readonly CpioEntry[]): Uint8Array {
  const parts: Uint8Array[] = [];
  [...entries, { path: 'TRAILER!!!', mode: 0 }].forEach(({ path, mode, content, device }: CpioEntry, i) => {
    const name = Buffer.from(`${path}\0`);
    const size = content?.length ?? 0;
    const { major = 0, minor = 0 } = device ?? {};
    const inode = mode === 0 ? 0 : i + 1;
    // ino, mode, uid, gid, nlink, mtime, filesize, devmajor, devminor, rdevmajor, rdevminor, namesize, check
    const fields = [inode, mode, 0, 0, 1, 0, size, 0, 0, major, minor, name.length, 0];
    const header = `070701${fields.map((field) => field.toString(16).padStart(8, '0')).join('')}`;
    parts.push(Buffer.from(header), name, new Uint8Array(pad4(header.length + name.length)));
    if (content) parts.push(content, new Uint8Array(pad4(size)));
  });
  const bytes = Buffer.concat(parts);
  return Buffer.concat([bytes, new Uint8Array((512 - (bytes.length % 512)) % 512)]);
}
