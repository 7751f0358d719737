/** A GICv3 as a program drives it: by accesses to its windows and to system registers. */
import { GicV3 } from '../../src/devices/gicv3.ts';
import { NO_DMA, testContext } from './support.ts';

export const GICD = 0x0800_0000;
export const GICR = 0x080a_0000;
export const FRAMES = 0x2_0000;
export const SPURIOUS = 1023;
/** IMO and FMO. */
export const ROUTED = 0x18n;

export function gic(cpuCount = 1) {
  const { events, context } = testContext();
  let changes = 0;
  const device = new GicV3({
    context,
    cpuCount,
    currentCpu: () => 0,
    dma: NO_DMA,
    onOutputsChanged: () => {
      changes++;
    },
  });
  const read = (address: number, size: 1 | 2 | 4 = 4): number => {
    if (address < GICR) return device.gicd.read(address - GICD, size);
    return device.gicrs[Math.floor((address - GICR) / FRAMES)].read((address - GICR) % FRAMES, size);
  };
  const write = (address: number, value: number, size: 1 | 2 | 4 = 4): void => {
    if (address < GICR) device.gicd.write(address - GICD, size, value);
    else device.gicrs[Math.floor((address - GICR) / FRAMES)].write((address - GICR) % FRAMES, size, value);
  };
  const mrs = (name: string, el = 2, cpu = 0): number =>
    Number(device.readRegister(cpu, name, { el, hcr: ROUTED }));
  const msr = (name: string, value: number | bigint, el = 2, cpu = 0): void =>
    device.writeRegister(cpu, name, BigInt(value), { el, hcr: ROUTED });
  return { device, events, read, write, mrs, msr, changes: () => changes, outputs: device.outputs };
}

export type Gic = ReturnType<typeof gic>;

/** Register of one bit per interrupt, and the bit; private interrupts are CPU 0's. */
export const bitOf = (offset: number, intid: number, cpu = 0): [number, number] => {
  const base = intid < 32 ? GICR + cpu * FRAMES + 0x1_0000 : GICD;
  return [base + offset + 4 * (intid >>> 5), 2 ** (intid & 31)];
};
export const enable = (g: Gic, intid: number, cpu = 0) => g.write(...bitOf(0x100, intid, cpu));
export const pend = (g: Gic, intid: number) => g.write(...bitOf(0x200, intid));
export const setGroup1 = (g: Gic, intid: number, cpu = 0) => {
  const [address, bit] = bitOf(0x80, intid, cpu);
  g.write(address, g.read(address) | bit);
};
export const setPriority = (g: Gic, intid: number, priority: number) =>
  g.write((intid < 32 ? GICR + 0x1_0000 : GICD) + 0x400 + intid, priority, 1);
export const flag = (g: Gic, offset: number, intid: number, cpu = 0): boolean => {
  const [address, bit] = bitOf(offset, intid, cpu);
  return (g.read(address) & bit) !== 0;
};
export const isPending = (g: Gic, intid: number, cpu = 0) => flag(g, 0x200, intid, cpu);
export const isActive = (g: Gic, intid: number) => flag(g, 0x300, intid);

export function open(g: Gic, cpus = 1): void {
  g.write(GICD, 3);
  for (let cpu = 0; cpu < cpus; cpu++) {
    g.msr('ICC_PMR_EL1', 0xff, 2, cpu);
    g.msr('ICC_IGRPEN0_EL1', 1, 2, cpu);
    g.msr('ICC_IGRPEN1_EL1', 1, 2, cpu);
  }
}

/** A shared interrupt of group 1, enabled and pending. */
export function raise(g: Gic, intid: number, priority = 0): void {
  setGroup1(g, intid);
  enable(g, intid);
  setPriority(g, intid, priority);
  pend(g, intid);
}
