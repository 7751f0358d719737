/** Rows that GICD (both versions) and GICR's SGI frame share: one bit, two bits or one byte per interrupt. */
import { EDGE, type GicInterrupts, SGI_COUNT } from './gic_interrupts.ts';
import type { DeviceRegister } from './register_table.ts';

/** The interrupts that a register window shows: which CPU's private ones, and which INTIDs exist in it. */
export interface InterruptView {
  readonly interrupts: GicInterrupts;
  /** CPU whose private interrupts are seen. */
  readonly cpu: number;
  /** INTIDs below `first` and from `end` on are RES0 in this window. */
  readonly first: number;
  readonly end: number;
}

/** The 32 interrupts of a register of one bit each, as bits. */
export function gather(view: InterruptView, word: number, test: (slot: number) => boolean): number {
  let bits = 0;
  const base = word * 32;
  for (let i = Math.max(0, view.first - base); i < 32 && base + i < view.end; i++)
    if (test(view.interrupts.slot(view.cpu, base + i))) bits |= 1 << i;
  return bits;
}

/** Calls `effect` for each interrupt whose bit is set. */
export function scatter(
  view: InterruptView,
  word: number,
  bits: number,
  effect: (slot: number, intid: number) => void,
): void {
  for (let rest = bits; rest !== 0; rest &= rest - 1) {
    const intid = word * 32 + 31 - Math.clz32(rest & -rest);
    if (intid >= view.first && intid < view.end) effect(view.interrupts.slot(view.cpu, intid), intid);
  }
}

/** The pair of registers that set and clear one flag of each interrupt. */
export function setClear(
  names: readonly [set: string, clear: string],
  offsets: readonly [set: number, clear: number],
  count: number,
  test: (view: InterruptView, slot: number) => boolean,
  effect: (view: InterruptView, slot: number, intid: number, on: boolean) => void,
): DeviceRegister<InterruptView>[] {
  return [0, 1].map((clear) => ({
    offset: offsets[clear],
    name: names[clear],
    count,
    access: 'W1' as const,
    reset: 0,
    read: (view: InterruptView, word: number) => gather(view, word, (slot) => test(view, slot)),
    write: (view: InterruptView, bits: number, word: number) =>
      scatter(view, word, bits, (slot, intid) => effect(view, slot, intid, clear === 0)),
  }));
}

/** A set/clear pair over one bit of `GicInterrupts.flags`. */
export const flagRegisters = (
  names: readonly [set: string, clear: string],
  offsets: readonly [set: number, clear: number],
  count: number,
  flag: number,
): DeviceRegister<InterruptView>[] =>
  setClear(
    names,
    offsets,
    count,
    (view, slot) => view.interrupts.is(slot, flag),
    (view, slot, _, on) => view.interrupts.change(slot, flag, on),
  );

/** IGROUPR and its like: storage of one flag of each interrupt. */
export const storedFlag = (
  name: string,
  offset: number,
  count: number,
  flag: number,
): DeviceRegister<InterruptView> => ({
  offset,
  name,
  count,
  access: 'RW',
  reset: 0,
  read: (view, word) => gather(view, word, (slot) => view.interrupts.is(slot, flag)),
  write: (view, bits, word) => {
    scatter(view, word, bits, (slot) => view.interrupts.change(slot, flag, true));
    scatter(view, word, ~bits, (slot) => view.interrupts.change(slot, flag, false));
  },
});

/** One byte for each interrupt. */
export const byteRegisters = (
  name: string,
  offset: number,
  count: number,
  read: (view: InterruptView, slot: number, intid: number) => number,
  write: (view: InterruptView, slot: number, value: number, intid: number) => void,
): DeviceRegister<InterruptView> => ({
  offset,
  name,
  count,
  access: 'RW',
  reset: 0,
  read: (view, word) => {
    let value = 0;
    for (let i = 0; i < 4; i++) {
      const intid = word * 4 + i;
      if (intid < view.first || intid >= view.end) continue;
      value |= read(view, view.interrupts.slot(view.cpu, intid), intid) << (8 * i);
    }
    return value;
  },
  write: (view, value, word) => {
    for (let i = 0; i < 4; i++) {
      const intid = word * 4 + i;
      if (intid < view.first || intid >= view.end) continue;
      write(view, view.interrupts.slot(view.cpu, intid), (value >>> (8 * i)) & 0xff, intid);
    }
  },
});

/** ICFGR: two bits for each interrupt, of which the upper one says edge-triggered. SGIs are edges for ever. */
export const configurationRegisters = (
  name: string,
  offset: number,
  count: number,
): DeviceRegister<InterruptView> => ({
  offset,
  name,
  count,
  access: 'RW',
  reset: 0,
  read: (view, word) => {
    let value = 0;
    for (let i = 0; i < 16; i++) {
      const intid = word * 16 + i;
      if (intid < view.first || intid >= view.end) continue;
      if (view.interrupts.is(view.interrupts.slot(view.cpu, intid), EDGE)) value |= 2 << (2 * i);
    }
    return value;
  },
  write: (view, value, word) => {
    for (let i = 0; i < 16; i++) {
      const intid = word * 16 + i;
      if (intid < Math.max(view.first, SGI_COUNT) || intid >= view.end) continue;
      view.interrupts.change(view.interrupts.slot(view.cpu, intid), EDGE, (value & (2 << (2 * i))) !== 0);
    }
  },
});

/** Identification as QEMU's: `parts` are PIDR4, PIDR0 and PIDR2 (architecture revision). */
export function identification<D>(
  prefix: string,
  offset: number,
  [pidr4, pidr0, pidr2]: readonly [pidr4: number, pidr0: number, pidr2: number],
): DeviceRegister<D>[] {
  const bytes = [pidr4, 0, 0, 0, pidr0, 0xb4, pidr2, 0, 0x0d, 0xf0, 0x05, 0xb1];
  const names = [4, 5, 6, 7, 0, 1, 2, 3].map((n) => `PIDR${n}`).concat([0, 1, 2, 3].map((n) => `CIDR${n}`));
  return names.map((name, i) => ({
    offset: offset + 4 * i,
    name: `${prefix}_${name}`,
    access: 'RO',
    reset: bytes[i],
  }));
}
