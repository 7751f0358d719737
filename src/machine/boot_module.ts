/**
 * `--module kernel=FILE,addr=…,bootargs=…` and `--module initrd=FILE,addr=…`: what a hypervisor's boot protocol calls multiboot modules, placed in
 * RAM and named in /chosen, as QEMU's `-device guest-loader` does (Xen docs/misc/arm/device-tree/booting.txt).
 */
import { parseSize } from '../quantities.ts';
import { UserError } from '../user-error.ts';

export interface BootModule {
  readonly kind: 'kernel' | 'initrd';
  readonly file: string;
  /** Physical address; undefined: behind everything else. */
  readonly address: number | undefined;
  /** The command line of a kernel. */
  readonly bootargs: string | undefined;
}

/** Two commas are a comma of the value, as in QEMU's options. */
export function parseBootModule(argument: string): BootModule {
  const wrong = (why: string) =>
    new UserError(
      `--module ${argument}: ${why}: write kernel=FILE[,addr=0x49000000][,bootargs=TEXT] or initrd=FILE[,addr=…]`,
    );
  const values: { [name: string]: string } = {};
  for (const part of argument.split(/(?<!,),(?!,)/)) {
    const [, name, value] = /^(\w+)=(.+)$/s.exec(part.replaceAll(',,', ',')) ?? [];
    if (name === undefined) throw wrong(`${part} is no NAME=VALUE`);
    if (!['kernel', 'initrd', 'addr', 'bootargs'].includes(name)) throw wrong(`${name} is unknown`);
    if (name in values) throw wrong(`${name} is there twice`);
    values[name] = value;
  }
  const { kernel, initrd, addr, bootargs } = values;
  const file = kernel ?? initrd;
  if (file === undefined || (kernel !== undefined && initrd !== undefined))
    throw wrong('a module is one kernel or one initrd');
  if (initrd !== undefined && bootargs !== undefined) throw wrong('an initrd has no bootargs');
  return {
    kind: kernel === undefined ? 'initrd' : 'kernel',
    file,
    address: addr === undefined ? undefined : parseSize('--module addr=', addr, '0x49000000'),
    bootargs,
  };
}

/** The name of its node in /chosen, and the value of `compatible`. */
export const moduleNode = (address: number): string => `module@0x${address.toString(16).padStart(8, '0')}`;
export const MODULE_COMPATIBLE = {
  kernel: ['multiboot,module', 'multiboot,kernel'],
  initrd: ['multiboot,module', 'multiboot,ramdisk'],
} as const;
