/** A GICv2 as a program drives it: by accesses to its four windows. */
import { GicV2 } from '../../src/devices/gicv2.ts';
import type { Device } from '../../src/machine/device.ts';
import { testContext } from './support.ts';

export const GICD = 0x0800_0000;
export const GICC = 0x0801_0000;
export const GICH = 0x0803_0000;
export const GICV = 0x0804_0000;

export const SPURIOUS = 1023;
export const GROUP1_PENDING = 1022;

export function gic(cpuCount = 1) {
  const { events, context } = testContext();
  let cpu = 0;
  let changes = 0;
  const device = new GicV2({
    context,
    cpuCount,
    currentCpu: () => cpu,
    onOutputsChanged: () => {
      changes++;
    },
  });
  const at = (address: number): [Device, number] => {
    if (address >= GICV) return [device.gicv, address - GICV];
    if (address >= GICH) return [device.gich, address - GICH];
    if (address >= GICC) return [device.gicc, address - GICC];
    return [device.gicd, address - GICD];
  };
  const read = (address: number, size: 1 | 2 | 4 = 4): number => {
    const [window, offset] = at(address);
    return window.read(offset, size);
  };
  const write = (address: number, value: number, size: 1 | 2 | 4 = 4): void => {
    const [window, offset] = at(address);
    window.write(offset, size, value);
  };
  const on = (n: number): void => {
    cpu = n;
  };
  return { device, events, read, write, on, changes: () => changes, outputs: device.outputs };
}

export type Gic = ReturnType<typeof gic>;

export const CTLR = GICC;
export const PMR = GICC + 0x4;
export const BPR = GICC + 0x8;
export const IAR = GICC + 0xc;
export const EOIR = GICC + 0x10;
export const RPR = GICC + 0x14;
export const HPPIR = GICC + 0x18;
export const AIAR = GICC + 0x20;
export const AHPPIR = GICC + 0x28;
export const DIR = GICC + 0x1000;

export const bitOf = (base: number, intid: number): [number, number] => [
  base + 4 * (intid >>> 5),
  2 ** (intid & 31),
];
export const enable = (g: Gic, intid: number) => g.write(...bitOf(GICD + 0x100, intid));
export const pend = (g: Gic, intid: number) => g.write(...bitOf(GICD + 0x200, intid));
export const setPriority = (g: Gic, intid: number, priority: number) =>
  g.write(GICD + 0x400 + intid, priority, 1);
export const setGroup1 = (g: Gic, intid: number) => {
  const [address, bit] = bitOf(GICD + 0x80, intid);
  g.write(address, g.read(address) | bit);
};
export const flag = (g: Gic, base: number, intid: number): boolean => {
  const [address, bit] = bitOf(base, intid);
  return (g.read(address) & bit) !== 0;
};
export const isPending = (g: Gic, intid: number) => flag(g, GICD + 0x200, intid);
export const isActive = (g: Gic, intid: number) => flag(g, GICD + 0x300, intid);

/** Both groups on everywhere, all priorities let through, AckCtl set. */
export function open(g: Gic): void {
  g.write(GICD, 3);
  g.write(CTLR, 7);
  g.write(PMR, 0xff);
}
