/** The root file system of the Linux guests: busybox and a shell on the console. */
import { type CpioEntry, characterDevice, cpio, directory, executable } from './cpio.ts';

const INIT = `#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev 2>/dev/null
echo "PROMPT-READY"
exec setsid cttyhack sh
`;

/** `busybox` is the static program; `more` programs come beside it. */
export function initramfs(busybox: Uint8Array, more: readonly CpioEntry[] = []): Uint8Array {
  return cpio([
    ...['bin', 'dev', 'proc', 'sys', 'tmp', 'root'].map(directory),
    characterDevice('dev/console', 5, 1),
    executable('bin/busybox', busybox),
    executable('init', Buffer.from(INIT)),
    ...more,
  ]);
}
