/** GICH and GICV: GICv2's virtual interface control and virtual CPU interface (IHI 0048B). */
import { GROUP1_PENDING, SPURIOUS } from './gic_interrupts.ts';
import {
  LIST_REGISTERS,
  type VirtualInterface,
  VMCR_ACKCTL,
  VMCR_CBPR,
  VMCR_ENG0,
  VMCR_ENG1,
  VMCR_EOIM,
  VMCR_FIQEN,
} from './gic_virtual_interface.ts';
import { CTLR_MASK, GICC_IIDR, intidOf, sourceCpuOf } from './gicv2_cpu_interface.ts';
import { type DeviceRegister, RegisterTable } from './register_table.ts';

/** VPMR has 5 bits, VEM bit 9 and the five low ones as GICV_CTLR. */
export const GICH_VMCR_MASK = 0xf8fc_021f;
export const GICH_HCR_MASK = 0xf800_00ff;

/**
 * GICH_LR<n>: HW 31, group 30, state 29:28, priority 27:23, physical ID (or EOI and source CPU) 19:10, virtual ID 9:0. GICv3's fields are
 * the same in other places, see VirtualInterface.
 */
const readListRegister = (v: VirtualInterface, n: number): number => {
  const high = v.readHigh(n);
  const hwGroupState = (((high >>> 29) & 1) << 31) | (((high >>> 28) & 1) << 30) | ((high >>> 30) << 28);
  return hwGroupState | (((high >>> 19) & 0x1f) << 23) | ((high & 0x3ff) << 10) | (v.readLow(n) & 0x3ff);
};

const writeListRegister = (v: VirtualInterface, value: number, n: number): void => {
  const stateHwGroup = (((value >>> 28) & 3) << 30) | ((value >>> 31) << 29) | (((value >>> 30) & 1) << 28);
  v.writeListRegister(
    n,
    stateHwGroup | (((value >>> 23) & 0x1f) << 19) | ((value >>> 10) & 0x3ff),
    value & 0x3ff,
  );
};

export const GICH_REGISTERS = new RegisterTable<VirtualInterface>([
  {
    offset: 0x00,
    name: 'GICH_HCR',
    access: 'RW',
    reset: 0,
    read: (v) => v.hcr,
    write: (v, value) => {
      v.hcr = value;
    },
  },
  // 5 bits of priority, 5 of preemption, 4 list registers.
  { offset: 0x04, name: 'GICH_VTR', access: 'RO', reset: (4 << 29) | (4 << 26) | (LIST_REGISTERS - 1) },
  {
    offset: 0x08,
    name: 'GICH_VMCR',
    access: 'RW',
    reset: 0x004c_0000,
    read: (v) => v.vmcr,
    write: (v, value) => {
      v.vmcr = value;
    },
  },
  { offset: 0x10, name: 'GICH_MISR', access: 'RO', reset: 0, read: (v) => v.misr() },
  {
    offset: 0x20,
    name: 'GICH_EISR',
    count: 2,
    access: 'RO',
    reset: 0,
    read: (v, i) => (i === 0 ? v.eisr() : 0),
  },
  {
    offset: 0x30,
    name: 'GICH_ELRSR',
    count: 2,
    access: 'RO',
    reset: 0xf,
    read: (v, i) => (i === 0 ? v.elrsr() : 0),
  },
  {
    offset: 0xf0,
    name: 'GICH_APR',
    access: 'RW',
    reset: 0,
    read: (v) => v.active.read(0, 0),
    write: (v, value) => v.active.write(0, 0, value),
  },
  {
    offset: 0x100,
    name: 'GICH_LR',
    count: LIST_REGISTERS,
    access: 'RW',
    reset: 0,
    read: readListRegister,
    write: writeListRegister,
  },
] satisfies DeviceRegister<VirtualInterface>[]);

/** GICV_CTLR is a view of GICH_VMCR; the positions are the same. */
const CTLR_BITS = VMCR_ENG0 | VMCR_ENG1 | VMCR_ACKCTL | VMCR_FIQEN | VMCR_CBPR | VMCR_EOIM;
if (CTLR_BITS !== CTLR_MASK) throw new Error('GICV_CTLR and GICH_VMCR do not agree');

/** The value that GICV_IAR and GICV_HPPIR give for a list register, or why they give none. */
function visible(v: VirtualInterface, n: number, alias: boolean): number {
  if (n < 0 || (alias && v.group(n) === 0)) return SPURIOUS;
  if (!alias && v.group(n) === 1 && !v.is(VMCR_ACKCTL)) return GROUP1_PENDING;
  return v.vintid(n) | (v.vintid(n) < 16 ? v.sourceCpu(n) << 10 : 0);
}

function acknowledge(v: VirtualInterface, alias: boolean): number {
  const n = v.highestPending();
  if (n < 0 || !v.preempts(n)) return SPURIOUS;
  const value = visible(v, n, alias);
  if (value !== SPURIOUS && value !== GROUP1_PENDING) v.acknowledge(n);
  return value;
}

const endOfInterrupt = (v: VirtualInterface, value: number): void => {
  if (intidOf(value) < GROUP1_PENDING - 2) v.endOfInterrupt(intidOf(value), null, sourceCpuOf(value));
};

export const GICV_REGISTERS = new RegisterTable<VirtualInterface>([
  {
    offset: 0x0000,
    name: 'GICV_CTLR',
    access: 'RW',
    reset: 0,
    read: (v) => v.vmcr & CTLR_MASK,
    write: (v, value) => {
      v.vmcr = (v.vmcr & ~CTLR_MASK) | (value & CTLR_MASK);
    },
  },
  {
    offset: 0x0004,
    name: 'GICV_PMR',
    access: 'RW',
    reset: 0,
    read: (v) => v.pmr,
    write: (v, value) => {
      v.pmr = value;
    },
  },
  {
    offset: 0x0008,
    name: 'GICV_BPR',
    access: 'RW',
    reset: 2,
    read: (v) => v.bpr0,
    write: (v, value) => {
      v.bpr0 = value;
    },
  },
  { offset: 0x000c, name: 'GICV_IAR', access: 'RO', reset: SPURIOUS, read: (v) => acknowledge(v, false) },
  {
    offset: 0x0010,
    name: 'GICV_EOIR',
    access: 'W1',
    reset: 0,
    write: (v, value) => endOfInterrupt(v, value),
  },
  {
    offset: 0x0014,
    name: 'GICV_RPR',
    access: 'RO',
    reset: 0xff,
    read: (v) => Math.min(v.active.running(), 0xff),
  },
  {
    offset: 0x0018,
    name: 'GICV_HPPIR',
    access: 'RO',
    reset: SPURIOUS,
    read: (v) => visible(v, v.highestPending(), false),
  },
  {
    offset: 0x001c,
    name: 'GICV_ABPR',
    access: 'RW',
    reset: 3,
    read: (v) => v.bpr1,
    write: (v, value) => {
      v.bpr1 = value;
    },
  },
  { offset: 0x0020, name: 'GICV_AIAR', access: 'RO', reset: SPURIOUS, read: (v) => acknowledge(v, true) },
  {
    offset: 0x0024,
    name: 'GICV_AEOIR',
    access: 'W1',
    reset: 0,
    write: (v, value) => endOfInterrupt(v, value),
  },
  {
    offset: 0x0028,
    name: 'GICV_AHPPIR',
    access: 'RO',
    reset: SPURIOUS,
    read: (v) => visible(v, v.highestPending(), true),
  },
  {
    offset: 0x00d0,
    name: 'GICV_APR0',
    access: 'RW',
    reset: 0,
    read: (v) => v.active.read(0, 0),
    write: (v, value) => v.active.write(0, 0, value),
  },
  { offset: 0x00fc, name: 'GICV_IIDR', access: 'RO', reset: GICC_IIDR },
  {
    offset: 0x1000,
    name: 'GICV_DIR',
    access: 'W1',
    reset: 0,
    write: (v, value) => v.deactivate(intidOf(value), sourceCpuOf(value)),
  },
] satisfies DeviceRegister<VirtualInterface>[]);
