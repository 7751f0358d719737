/**
 * The root file system of the Linux guests: busybox, and several programs that the kernel may start as the first one. `/init` gives a
 * shell on the console; `rdinit=/NAME` on the kernel's command line chooses a script of scripts/, which ends with a power-off.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type CpioEntry, characterDevice, cpio, directory, executable } from './cpio.ts';

const folder = fileURLToPath(new URL('scripts/', import.meta.url));

/** `busybox` is the static program; `programs` come beside it by name. */
export function initramfs(
  busybox: Uint8Array,
  programs: { readonly [name: string]: Uint8Array } = {},
): Uint8Array {
  const scripts = readdirSync(folder).map(
    (name): CpioEntry => executable(name, readFileSync(`${folder}${name}`)),
  );
  return cpio([
    ...['bin', 'dev', 'proc', 'sys', 'tmp', 'root'].map(directory),
    characterDevice('dev/console', 5, 1),
    executable('bin/busybox', busybox),
    ...scripts,
    ...Object.entries(programs).map(([name, program]) => executable(`bin/${name}`, program)),
  ]);
}
