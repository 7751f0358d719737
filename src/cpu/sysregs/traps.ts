/**
 * The configurable traps of system registers and system instructions, as data. A register's row lists those it is subject
 * to; the first that applies wins, so a list is in the order of priority: to EL1 before to EL2 (Arm ARM D1.13.4).
 */

/** A field of a control register has one of these values. */
export interface Condition {
  readonly register: string;
  readonly lsb: number;
  readonly width: number;
  readonly values: readonly number[];
}

export interface Trap {
  /** As the Arm ARM calls it. */
  readonly name: string;
  /** All of them must hold. */
  readonly when: readonly Condition[];
  /** Exception levels of the instruction. */
  readonly from: readonly number[];
  readonly direction: 'read' | 'write' | 'both';
  readonly target: 1 | 2;
  /** EC 0x18 with the instruction's fields, or EC 0x07. */
  readonly syndrome: 'system register' | 'floating point';
}

const set = (register: string, bit: number): Condition => ({ register, lsb: bit, width: 1, values: [1] });
const clear = (register: string, bit: number): Condition => ({ register, lsb: bit, width: 1, values: [0] });

const trap = (
  name: string,
  target: 1 | 2,
  from: readonly number[],
  when: readonly Condition[],
  direction: Trap['direction'] = 'both',
): Trap => ({ name, when, from, direction, target, syndrome: 'system register' });

const toEl2 = (name: string, condition: Condition, direction: Trap['direction'] = 'both') =>
  trap(name, 2, [0, 1], [condition], direction);
const el0ToEl1 = (name: string, ...conditions: Condition[]) => trap(name, 1, [0], conditions);

// HCR_EL2, D17.2.48.
export const TVM = toEl2('HCR_EL2.TVM', set('HCR_EL2', 26), 'write');
export const TRVM = toEl2('HCR_EL2.TRVM', set('HCR_EL2', 30), 'read');
export const TID1 = toEl2('HCR_EL2.TID1', set('HCR_EL2', 16), 'read');
export const TID2 = toEl2('HCR_EL2.TID2', set('HCR_EL2', 17));
export const TID3 = toEl2('HCR_EL2.TID3', set('HCR_EL2', 18), 'read');
export const TACR = toEl2('HCR_EL2.TACR', set('HCR_EL2', 21));
/** IMPLEMENTATION DEFINED registers. QEMU 7.2 does not have this trap. */
export const TIDCP = trap('HCR_EL2.TIDCP', 2, [1], [set('HCR_EL2', 20)]);
export const TSW = toEl2('HCR_EL2.TSW', set('HCR_EL2', 22));
export const TPC = toEl2('HCR_EL2.TPC', set('HCR_EL2', 23));
export const TPU = toEl2('HCR_EL2.TPU', set('HCR_EL2', 24));
export const TTLB = toEl2('HCR_EL2.TTLB', set('HCR_EL2', 25));
export const APK = toEl2('HCR_EL2.APK', clear('HCR_EL2', 40));
export const TDZ = toEl2('HCR_EL2.TDZ', set('HCR_EL2', 28));
/** SGI generation where interrupts are virtual: GICv3 12.1.2. */
export const SGI_ROUTED = [toEl2('HCR_EL2.IMO', set('HCR_EL2', 4)), toEl2('HCR_EL2.FMO', set('HCR_EL2', 3))];

// CPTR_EL2 and CPACR_EL1.
export const TCPAC = toEl2('CPTR_EL2.TCPAC', set('CPTR_EL2', 31));
const FPEN = (from: number, values: readonly number[]): Trap => ({
  ...trap('CPACR_EL1.FPEN', 1, [from], [{ register: 'CPACR_EL1', lsb: 20, width: 2, values }]),
  syndrome: 'floating point',
});
export const FLOATING_POINT: readonly Trap[] = [
  FPEN(0, [0, 1, 2]),
  FPEN(1, [0, 2]),
  { ...trap('CPTR_EL2.TFP', 2, [0, 1, 2], [set('CPTR_EL2', 10)]), syndrome: 'floating point' },
];

// MDCR_EL2: TDE makes the three others behave as 1, and so does HCR_EL2.TGE (D17.3.18). QEMU 7.2 has no TPMCR.
const debugTrap = (name: string, bit: number) => [
  toEl2(`MDCR_EL2.${name}`, set('MDCR_EL2', bit)),
  toEl2('MDCR_EL2.TDE', set('MDCR_EL2', 8)),
  toEl2('HCR_EL2.TGE', set('HCR_EL2', 27)),
];
export const TDA = debugTrap('TDA', 9);
export const TDOSA = debugTrap('TDOSA', 10);
export const TDRA = debugTrap('TDRA', 11);
export const TPM = toEl2('MDCR_EL2.TPM', set('MDCR_EL2', 6));
export const TPMCR = toEl2('MDCR_EL2.TPMCR', set('MDCR_EL2', 5));
export const TDCC = el0ToEl1('MDSCR_EL1.TDCC', set('MDSCR_EL1', 12));

// PMUSERENR_EL0: EN opens all, ER, CR and SW some. Together with TPM, EL0's trap to EL1 goes first.
const EN = clear('PMUSERENR_EL0', 0);
export const PMU_EN = el0ToEl1('PMUSERENR_EL0.EN', EN);
export const PMU_SW = el0ToEl1('PMUSERENR_EL0.SW', EN, clear('PMUSERENR_EL0', 1));
const readable = (name: string, bit: number): readonly Trap[] => [
  trap(`PMUSERENR_EL0.${name}`, 1, [0], [EN, clear('PMUSERENR_EL0', bit)], 'read'),
  trap('PMUSERENR_EL0.EN', 1, [0], [EN], 'write'),
];
export const PMU_CR = readable('CR', 2);
export const PMU_ER = readable('ER', 3);
export const PMU_ER_BOTH = el0ToEl1('PMUSERENR_EL0.ER', EN, clear('PMUSERENR_EL0', 3));

// Generic timer: CNTKCTL_EL1 and CNTHCTL_EL2 with E2H 0. QEMU 7.2 checks EL1PCEN for CNTPCT at EL0.
export const EL0PCTEN = el0ToEl1('CNTKCTL_EL1.EL0PCTEN', clear('CNTKCTL_EL1', 0));
export const EL0VCTEN = el0ToEl1('CNTKCTL_EL1.EL0VCTEN', clear('CNTKCTL_EL1', 1));
export const EL0CTEN = el0ToEl1('CNTKCTL_EL1.EL0PCTEN', clear('CNTKCTL_EL1', 0), clear('CNTKCTL_EL1', 1));
export const EL0VTEN = el0ToEl1('CNTKCTL_EL1.EL0VTEN', clear('CNTKCTL_EL1', 8));
export const EL0PTEN = el0ToEl1('CNTKCTL_EL1.EL0PTEN', clear('CNTKCTL_EL1', 9));
export const EL1PCTEN = toEl2('CNTHCTL_EL2.EL1PCTEN', clear('CNTHCTL_EL2', 0));
export const EL1PCEN = toEl2('CNTHCTL_EL2.EL1PCEN', clear('CNTHCTL_EL2', 1));

// SCTLR_EL1: what EL0 may do.
export const UMA = el0ToEl1('SCTLR_EL1.UMA', clear('SCTLR_EL1', 9));
export const DZE = el0ToEl1('SCTLR_EL1.DZE', clear('SCTLR_EL1', 14));
export const UCT = el0ToEl1('SCTLR_EL1.UCT', clear('SCTLR_EL1', 15));
export const UCI = el0ToEl1('SCTLR_EL1.UCI', clear('SCTLR_EL1', 26));

// ICH_HCR_EL2, GICv3 12.4.7.
export const ICH_TC = toEl2('ICH_HCR_EL2.TC', set('ICH_HCR_EL2', 10));
export const ICH_TALL0 = toEl2('ICH_HCR_EL2.TALL0', set('ICH_HCR_EL2', 11));
export const ICH_TALL1 = toEl2('ICH_HCR_EL2.TALL1', set('ICH_HCR_EL2', 12));
export const ICH_TDIR = toEl2('ICH_HCR_EL2.TDIR', set('ICH_HCR_EL2', 14));

/** The trap that an access from `el` meets, if any. `read` gives a control register's value. */
export function firstTrap(
  traps: readonly Trap[],
  el: number,
  isRead: boolean,
  read: (register: string) => bigint,
): Trap | undefined {
  return traps.find(
    ({ from, direction, when }) =>
      from.includes(el) &&
      (direction === 'both' || (direction === 'read') === isRead) &&
      when.every(({ register, lsb, width, values }) =>
        values.includes(Number((read(register) >> BigInt(lsb)) & BigInt(2 ** width - 1))),
      ),
  );
}
