/** GICv3's system registers by name: ICC_*_EL1, what they mean to a virtual machine (ICV_*_EL1), and ICH_*_EL2. */
import type { CpuView } from '../cpu/gic_cpu_interface.ts';
import { SPURIOUS } from './gic_interrupts.ts';
import {
  LIST_REGISTERS,
  type VirtualInterface,
  VMCR_CBPR,
  VMCR_ENG0,
  VMCR_ENG1,
  VMCR_EOIM,
} from './gic_virtual_interface.ts';
import {
  CTLR_CONSTANT,
  commonBinaryPoint,
  type GicV3CpuInterface,
  INTID_MASK,
  PRIORITY_MASK,
} from './gicv3_cpu_interface.ts';

/** HCR_EL2. */
const HCR_FMO = 1 << 3;
const HCR_IMO = 1 << 4;

/** ICH_HCR_EL2: the enables, TC, TALL0, TALL1, TSEI, TDIR, EOIcount. */
export const ICH_HCR_MASK = 0xf800_7cff;
/** ICH_VMCR_EL2 with system registers only: VAckCtl is RES0, VFIQEn RES1. */
export const ICH_VMCR_MASK = 0xf8fc_0213;
export const ICH_VMCR_ONES = 0x8;
/** ICH_LR<n>_EL2, high word: state, HW, group, 5 bits of priority, 13 of pINTID. */
const LR_HIGH_MASK = 0xf0f8_1fff;
/** 5 bits of priority and preemption, 24 of INTID, A3V, nV4, TDS, 4 list registers. */
const ICH_VTR = 0x90b8_0003;

/** INTIDs 1020 to 1023 are no interrupts. */
const isSpecial = (intid: number): boolean => intid >= 1020 && intid <= 1023;

interface Effect<D> {
  readonly read?: (d: D) => number;
  readonly write?: (d: D, value: number) => void;
}
interface InterfaceRegister {
  /** At EL1, these bits of HCR_EL2 make the name mean the virtual interface. */
  readonly virtualBy: number;
  readonly physical: Effect<GicV3CpuInterface>;
  readonly virtual: Effect<VirtualInterface>;
}

const acknowledgeVirtual = (v: VirtualInterface, group: 0 | 1): number => {
  const n = v.highestPending();
  if (n < 0 || v.group(n) !== group || !v.preempts(n)) return SPURIOUS;
  const intid = v.vintid(n) & INTID_MASK;
  // A list register with a special INTID becomes invalid and nothing becomes active.
  if (isSpecial(intid)) v.discard(n);
  else v.acknowledge(n);
  return isSpecial(intid) ? SPURIOUS : intid;
};

/** ICH_HCR_EL2.En switches off signals and IAR; HPPIR goes on telling (ICH_HCR_EL2.En). */
const highestVirtual = (v: VirtualInterface, group: 0 | 1): number => {
  const n = v.highestInListRegisters();
  return n < 0 || v.group(n) !== group ? SPURIOUS : v.vintid(n) & INTID_MASK;
};

const setBit = (v: VirtualInterface, bit: number, on: boolean): void => {
  v.vmcr = on ? v.vmcr | bit : v.vmcr & ~bit;
};

/** The registers that exist once for each group. */
const ofGroup = (group: 0 | 1): [string, InterfaceRegister][] => {
  const virtualBy = group === 0 ? HCR_FMO : HCR_IMO;
  const vmcrEnable = group === 0 ? VMCR_ENG0 : VMCR_ENG1;
  const register = (
    name: string,
    physical: Effect<GicV3CpuInterface>,
    virtual: Effect<VirtualInterface>,
  ): [string, InterfaceRegister] => [name, { virtualBy, physical, virtual }];
  return [
    register(
      `ICC_IAR${group}_EL1`,
      { read: (c) => c.acknowledge(group) },
      { read: (v) => acknowledgeVirtual(v, group) },
    ),
    register(
      `ICC_EOIR${group}_EL1`,
      { write: (c, value) => c.endOfInterrupt(value & INTID_MASK, group) },
      {
        write: (v, value) => {
          const intid = value & INTID_MASK;
          if (!isSpecial(intid)) v.endOfInterrupt(intid, group);
        },
      },
    ),
    register(
      `ICC_HPPIR${group}_EL1`,
      { read: (c) => c.highestPending(group) },
      { read: (v) => highestVirtual(v, group) },
    ),
    register(
      `ICC_AP${group}R0_EL1`,
      { read: (c) => c.active.read(group, 0), write: (c, value) => c.active.write(group, 0, value) },
      { read: (v) => v.active.read(group, 0), write: (v, value) => v.active.write(group, 0, value) },
    ),
    register(
      `ICC_IGRPEN${group}_EL1`,
      {
        read: (c) => (c.groupEnables >>> group) & 1,
        write: (c, value) => {
          c.groupEnables = (c.groupEnables & ~(1 << group)) | ((value & 1) << group);
        },
      },
      {
        read: (v) => (v.is(vmcrEnable) ? 1 : 0),
        write: (v, value) => setBit(v, vmcrEnable, (value & 1) !== 0),
      },
    ),
  ];
};

const EITHER = HCR_FMO | HCR_IMO;

const ICC = new Map<string, InterfaceRegister>([
  ...ofGroup(0),
  ...ofGroup(1),
  [
    'ICC_BPR0_EL1',
    {
      virtualBy: HCR_FMO,
      physical: {
        read: (c) => c.bpr0,
        write: (c, value) => {
          c.bpr0 = value;
        },
      },
      virtual: {
        read: (v) => v.bpr0,
        write: (v, value) => {
          v.bpr0 = value;
        },
      },
    },
  ],
  [
    'ICC_BPR1_EL1',
    {
      virtualBy: HCR_IMO,
      physical: {
        read: (c) => c.bpr1,
        write: (c, value) => {
          c.bpr1 = value;
        },
      },
      virtual: {
        read: (v) => (v.is(VMCR_CBPR) ? commonBinaryPoint(v.bpr0) : v.bpr1),
        write: (v, value) => {
          if (!v.is(VMCR_CBPR)) v.bpr1 = value;
        },
      },
    },
  ],
  [
    'ICC_PMR_EL1',
    {
      virtualBy: EITHER,
      physical: {
        read: (c) => c.pmr,
        write: (c, value) => {
          c.pmr = value & PRIORITY_MASK;
        },
      },
      virtual: {
        read: (v) => v.pmr,
        write: (v, value) => {
          v.pmr = value;
        },
      },
    },
  ],
  [
    'ICC_CTLR_EL1',
    {
      virtualBy: EITHER,
      physical: {
        read: (c) => c.ctlr,
        write: (c, value) => {
          c.ctlr = value;
        },
      },
      virtual: {
        read: (v) => CTLR_CONSTANT | (v.is(VMCR_CBPR) ? 1 : 0) | (v.is(VMCR_EOIM) ? 2 : 0),
        write: (v, value) => {
          setBit(v, VMCR_CBPR, (value & 1) !== 0);
          setBit(v, VMCR_EOIM, (value & 2) !== 0);
        },
      },
    },
  ],
  [
    'ICC_RPR_EL1',
    {
      virtualBy: EITHER,
      physical: { read: (c) => Math.min(c.active.running(), 0xff) },
      virtual: { read: (v) => Math.min(v.active.running(), 0xff) },
    },
  ],
  [
    'ICC_DIR_EL1',
    {
      virtualBy: EITHER,
      physical: { write: (c, value) => c.deactivateByRegister(value & INTID_MASK) },
      virtual: {
        write: (v, value) => {
          const intid = value & INTID_MASK;
          if (!isSpecial(intid)) v.deactivate(intid);
        },
      },
    },
  ],
]);

const ICH = new Map<string, Effect<VirtualInterface>>([
  [
    'ICH_HCR_EL2',
    {
      read: (v) => v.hcr,
      write: (v, value) => {
        v.hcr = value;
      },
    },
  ],
  ['ICH_VTR_EL2', { read: () => ICH_VTR }],
  [
    'ICH_VMCR_EL2',
    {
      read: (v) => v.vmcr,
      write: (v, value) => {
        v.vmcr = value;
      },
    },
  ],
  ['ICH_MISR_EL2', { read: (v) => v.misr() }],
  ['ICH_EISR_EL2', { read: (v) => v.eisr() }],
  ['ICH_ELRSR_EL2', { read: (v) => v.elrsr() }],
  ['ICH_AP0R0_EL2', { read: (v) => v.active.read(0, 0), write: (v, value) => v.active.write(0, 0, value) }],
  ['ICH_AP1R0_EL2', { read: (v) => v.active.read(1, 0), write: (v, value) => v.active.write(1, 0, value) }],
]);

const LIST_REGISTER_NAMES = new Map(
  Array.from({ length: LIST_REGISTERS }, (_, n): [string, number] => [`ICH_LR${n}_EL2`, n]),
);

/** Whether this access to an ICC_ name means the virtual interface. */
const isVirtual = (register: InterfaceRegister, view: CpuView): boolean =>
  view.el === 1 && (Number(view.hcr & 0xffn) & register.virtualBy) !== 0;

/** MRS. A name that is not GICv3's, or is write only, is a bug of ours. */
export function readRegister(name: string, c: GicV3CpuInterface, v: VirtualInterface, view: CpuView): bigint {
  const n = LIST_REGISTER_NAMES.get(name);
  if (n !== undefined) return (BigInt(v.readHigh(n)) << 32n) | BigInt(v.readLow(n));
  const icc = ICC.get(name);
  const value =
    icc === undefined
      ? ICH.get(name)?.read?.(v)
      : isVirtual(icc, view)
        ? icc.virtual.read?.(v)
        : icc.physical.read?.(c);
  if (value === undefined) throw new Error(`GICv3 has no register ${name} to read`);
  return BigInt(value >>> 0);
}

/** MSR, except the SGI registers. */
export function writeRegister(
  name: string,
  value: bigint,
  c: GicV3CpuInterface,
  v: VirtualInterface,
  view: CpuView,
): void {
  const low = Number(value & 0xffff_ffffn);
  const n = LIST_REGISTER_NAMES.get(name);
  if (n !== undefined) {
    v.writeListRegister(n, Number((value >> 32n) & 0xffff_ffffn) & LR_HIGH_MASK, low);
    return;
  }
  const icc = ICC.get(name);
  if (icc === undefined) {
    const write = ICH.get(name)?.write;
    if (write === undefined) throw new Error(`GICv3 has no register ${name} to write`);
    write(v, low);
  } else if (isVirtual(icc, view)) icc.virtual.write?.(v, low);
  else icc.physical.write?.(c, low);
}
