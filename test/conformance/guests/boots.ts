/** How the real guests boot: each is data for QEMU, for the comparison and for a recording alike. */
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { generateDeviceTree } from '../../../src/machine/device_tree.ts';
import type { Recipe } from '../../../src/machine/recipe.ts';
import { DEFAULT_RECIPE } from '../../../src/machine/recipe.ts';
import type { ImageComparison } from '../qemu/compare.ts';
import { cached, compileDeviceTree, deviceTreeSource } from '../qemu/reference.ts';
import { guestFile, hasGuest, TINY_KERNEL } from './guests.ts';
import { initramfs } from './initramfs.ts';
import { guestPrograms } from './programs.ts';

export type Boot = Omit<ImageComparison, 'limit' | 'deadline' | 'engine'>;

/** Linux boots three times faster without its crypto self tests, and without moving itself about. */
const QUICK = 'nokaslr cryptomgr.notests';
const CONSOLE = 'console=ttyAMA0 earlycon';

/** The everyday kernel: the small one if it was built, else Debian's. */
export const everydayKernel = (): string => guestFile(hasGuest(TINY_KERNEL) ? TINY_KERNEL : 'vmlinuz-cloud');

/** Path of the root file system, with our programs beside busybox. */
function initramfsFile(): string {
  const programs = Object.fromEntries(
    Object.entries(guestPrograms()).map(([name, path]) => [name, readFileSync(path)]),
  );
  const archive = Buffer.from(initramfs(readFileSync(guestFile('busybox')), programs));
  return cached('initramfs.cpio', [archive], (path) => writeFileSync(path, archive));
}

export function linux(gic: 2 | 3, script: string, kernel = everydayKernel(), smp = 1): Boot {
  return {
    image: kernel,
    initrd: initramfsFile(),
    append: `${CONSOLE} ${QUICK} rdinit=/${script}`,
    gic,
    smp,
    ramMiB: 256,
    deviceTree: compileDeviceTree(
      deviceTreeSource(smp === 1 ? `min-gicv${gic}` : `min-gicv${gic}-smp${smp}`),
    ),
  };
}

/** The same with the machine's own device tree: all devices, the ITS or GICv2m, and PCI Express. */
export function linuxWithDevices(gic: 2 | 3, script: string, kernel: string): Boot {
  const boot = { ...linux(gic, script, kernel), ramMiB: 512 };
  return { ...boot, deviceTree: ownTree(gic, boot.ramMiB) };
}

/** Path of the machine's own device tree, as QEMU takes it with -dtb. */
function ownTree(gic: 2 | 3, ramMiB: number): string {
  const tree = generateDeviceTree({ ram: ramMiB * 2 ** 20, gic, smp: 1, el: 2, cpu: DEFAULT_RECIPE.cpu });
  return cached('own.dtb', [Buffer.from(tree)], (to) => writeFileSync(to, tree));
}

/** EDK2, which finds what there is in the machine's own tree. QEMU has no ACPI tables either. */
export const edk2 = (gic: 2 | 3): Boot => ({
  bios: guestFile('QEMU_EFI.fd'),
  gic,
  ramMiB: 256,
  deviceTree: ownTree(gic, 256),
  acpi: false,
});

export const firmware = (gic: 2 | 3, file: string): Boot => ({
  bios: guestFile(file),
  gic,
  ramMiB: 256,
  deviceTree: compileDeviceTree(deviceTreeSource(`min-gicv${gic}`)),
});

/** Where the devicetrees of Xen have their modules: a kernel and an initramfs for each domain. */
const MODULES = [
  [0x4900_0000, 0x4c00_0000],
  [0x4e00_0000, 0x4d00_0000],
] as const;

/** Xen without a dom0, and one or two domains of Linux. */
export function xen(gic: 2 | 3, domains: 1 | 2, script: string): Boot {
  const kernel = everydayKernel();
  const initrd = initramfsFile();
  const load = MODULES.slice(0, domains).flatMap(([kernelAt, initrdAt]) => [
    `${kernel}@${kernelAt}`,
    `${initrd}@${initrdAt}`,
  ]);
  const source = readFileSync(
    deviceTreeSource(domains === 1 ? `xen-tiny-gicv${gic}` : `xen-tiny2-gicv${gic}`),
    'utf8',
  );
  const size = (path: string) => `0x${statSync(path).size.toString(16)}`;
  const written = source
    .replace(/(module@4[9e]000000 .*?reg=<0 0x4[9e]000000 0 )0x[0-9a-f]+/g, `$1${size(kernel)}`)
    .replace(/(module@4[cd]000000 .*?reg=<0 0x4[cd]000000 0 )0x[0-9a-f]+/g, `$1${size(initrd)}`)
    .replaceAll('nokaslr"', `nokaslr rdinit=/${script}"`)
    // Debian's kernel needs more than the 32 MiB that are enough for the small one; in KiB.
    .replaceAll('memory=<0 0x8000>', `memory=<0 ${hasGuest(TINY_KERNEL) ? '0x8000' : '0x20000'}>`);
  const path = cached('xen.dts', [written], (to) => writeFileSync(to, written));
  return { image: guestFile('xen'), load, gic, ramMiB: 1024, deviceTree: compileDeviceTree(path) };
}

/** The same for `record`. */
export const recipeOf = ({
  ramMiB,
  deviceTree,
  bios,
  initrd,
  append,
  load,
  image,
  gic,
  smp = 1,
  cpu = DEFAULT_RECIPE.cpu,
}: Boot): Recipe => ({
  ...DEFAULT_RECIPE,
  ...{ image, bios, initrd, append, load, gic, smp, cpu },
  ram: ramMiB * 2 ** 20,
  dtb: deviceTree,
});

/** Xen with Debian as dom0, given by modules as QEMU's guest-loader takes them. */
export const xenWithDom0 = (gic: 2 | 3, script: string): Recipe => ({
  ...DEFAULT_RECIPE,
  image: guestFile('xen'),
  append: 'dom0_mem=512M console=dtuart dtuart=/pl011@9000000 noreboot',
  modules: [
    `kernel=${guestFile('vmlinuz-cloud')},addr=0x49000000,bootargs=console=hvc0 earlycon=xenboot ${QUICK} rdinit=/${script}`,
    `initrd=${initramfsFile()},addr=0x4c000000`,
  ],
  gic,
});
