/** GICD: the distributor of GICv2 (IHI 0048B), without the Security Extensions. */

import {
  byteRegisters,
  configurationRegisters,
  flagRegisters,
  type InterruptView,
  identification,
  setClear,
  storedFlag,
} from './gic_distributor_registers.ts';
import {
  ACTIVE,
  ENABLED,
  type GicInterrupts,
  GROUP1,
  INTERRUPT_COUNT,
  LATCHED,
  PRIVATE_COUNT,
  SGI_COUNT,
} from './gic_interrupts.ts';
import { clearSgi, sendSgi } from './gicv2_cpu_interface.ts';
import { type DeviceRegister, RegisterTable } from './register_table.ts';

const CTLR_MASK = 3;

export class GicV2Distributor implements InterruptView {
  readonly interrupts: GicInterrupts;
  readonly first = 0;
  readonly end = INTERRUPT_COUNT;
  readonly #currentCpu: () => number;
  ctlr = 0;

  constructor(interrupts: GicInterrupts, currentCpu: () => number) {
    this.interrupts = interrupts;
    this.#currentCpu = currentCpu;
    for (let cpu = 0; cpu < interrupts.cpuCount; cpu++)
      for (let sgi = 0; sgi < SGI_COUNT; sgi++) interrupts.change(interrupts.slot(cpu, sgi), ENABLED, true);
    if (interrupts.cpuCount === 1)
      for (let intid = PRIVATE_COUNT; intid < INTERRUPT_COUNT; intid++)
        interrupts.setTargets(interrupts.slot(0, intid), 1);
  }

  /** Private interrupts are banked by the CPU that accesses. */
  get cpu(): number {
    return this.#currentCpu();
  }

  setCtlr(value: number): void {
    this.ctlr = value & CTLR_MASK;
    for (let cpu = 0; cpu < this.interrupts.cpuCount; cpu++) this.interrupts.setGroups(cpu, this.ctlr);
  }

  /** GICD_TYPER: 288 interrupts, CPUs less one, no Security Extensions. */
  typer(): number {
    return (INTERRUPT_COUNT / 32 - 1) | ((this.interrupts.cpuCount - 1) << 5);
  }

  /** GICD_SGIR: to the CPUs of a list, to all others, or to the sender. */
  sendSgi(value: number): void {
    const self = 1 << this.cpu;
    const filter = (value >>> 24) & 3;
    const targets = [(value >>> 16) & 0xff, 0xff & ~self, self, 0][filter];
    for (let cpu = 0; cpu < this.interrupts.cpuCount; cpu++)
      if (((targets >>> cpu) & 1) !== 0) sendSgi(this.interrupts, cpu, value & 0xf, self);
  }
}

const ROWS: DeviceRegister<GicV2Distributor>[] = [
  {
    offset: 0x000,
    name: 'GICD_CTLR',
    access: 'RW',
    reset: 0,
    read: (d) => d.ctlr,
    write: (d, value) => d.setCtlr(value),
  },
  { offset: 0x004, name: 'GICD_TYPER', access: 'RO', reset: 8, read: (d) => d.typer() },
  { offset: 0x008, name: 'GICD_IIDR', access: 'RO', reset: 0x43b },
  storedFlag('GICD_IGROUPR', 0x080, 9, GROUP1),
  // SGIs are always enabled: IMPLEMENTATION DEFINED (GICD_ISENABLER0), and so in QEMU.
  ...setClear(
    ['GICD_ISENABLER', 'GICD_ICENABLER'],
    [0x100, 0x180],
    9,
    (d, slot) => d.interrupts.is(slot, ENABLED),
    (d, slot, intid, on) => intid >= SGI_COUNT && d.interrupts.change(slot, ENABLED, on),
  ),
  // The pending state of SGIs is written by GICD_SPENDSGIR and GICD_CPENDSGIR alone.
  ...setClear(
    ['GICD_ISPENDR', 'GICD_ICPENDR'],
    [0x200, 0x280],
    9,
    (d, slot) => d.interrupts.isPending(slot),
    (d, slot, intid, on) => {
      if (intid < SGI_COUNT) return;
      if (on) d.interrupts.setPending(slot);
      else d.interrupts.change(slot, LATCHED, false);
    },
  ),
  ...flagRegisters(['GICD_ISACTIVER', 'GICD_ICACTIVER'], [0x300, 0x380], 9, ACTIVE),
  byteRegisters(
    'GICD_IPRIORITYR',
    0x400,
    INTERRUPT_COUNT / 4,
    (d, slot) => d.interrupts.priority[slot],
    (d, slot, value) => d.interrupts.setPriority(slot, value),
  ),
  // With one CPU they are RAZ/WI (GICD_ITARGETSR). Those of private interrupts say which CPU reads.
  byteRegisters(
    'GICD_ITARGETSR',
    0x800,
    INTERRUPT_COUNT / 4,
    (d, slot, intid) => {
      if (d.interrupts.cpuCount === 1) return 0;
      return intid < PRIVATE_COUNT ? 1 << d.cpu : d.interrupts.targets[slot];
    },
    (d, slot, value, intid) => {
      const { cpuCount } = d.interrupts;
      if (cpuCount > 1 && intid >= PRIVATE_COUNT)
        d.interrupts.setTargets(slot, value & ((1 << cpuCount) - 1));
    },
  ),
  configurationRegisters('GICD_ICFGR', 0xc00, INTERRUPT_COUNT / 16),
  { offset: 0xf00, name: 'GICD_SGIR', access: 'W1', reset: 0, write: (d, value) => d.sendSgi(value) },
  sgiPending('GICD_CPENDSGIR', 0xf10, clearSgi),
  sgiPending('GICD_SPENDSGIR', 0xf20, sendSgi),
  ...identification<GicV2Distributor>('GICD', 0xfd0, [0x04, 0x90, 0x2b]),
];

/** One byte for each SGI: the CPUs that have it pending on the reader. */
function sgiPending(name: string, offset: number, effect: typeof sendSgi): DeviceRegister<GicV2Distributor> {
  const bytes = byteRegisters(
    name,
    offset,
    SGI_COUNT / 4,
    (d, slot) => d.interrupts.sgiSources[slot],
    (d, _, cpus, sgi) => effect(d.interrupts, d.cpu, sgi, cpus & ((1 << d.interrupts.cpuCount) - 1)),
  );
  return { ...bytes, access: 'W1' };
}

export const GICD_REGISTERS = new RegisterTable<GicV2Distributor>(ROWS);
