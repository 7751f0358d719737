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
  /** Only while HCR_EL2.{E2H, TGE} is {1, 1}, when EL0 belongs to a host at EL2: true; only otherwise: false. */
  readonly inHost?: boolean;
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
/** A trap for the sake of a guest: a host's own EL0 does not meet it. */
const ofGuest = (name: string, condition: Condition, direction: Trap['direction'] = 'both'): Trap => ({
  ...toEl2(name, condition, direction),
  inHost: false,
});
const el0ToEl1 = (name: string, ...conditions: Condition[]) => trap(name, 1, [0], conditions);
/** What EL0 may do, by a bit of SCTLR_EL1; of SCTLR_EL2 for a host's EL0. */
const el0Control = (name: string, condition: (register: string) => Condition): readonly Trap[] => [
  { ...trap(`SCTLR_EL1.${name}`, 1, [0], [condition('SCTLR_EL1')]), inHost: false },
  { ...trap(`SCTLR_EL2.${name}`, 2, [0], [condition('SCTLR_EL2')]), inHost: true },
];
const el0Needs = (name: string, bit: number) => el0Control(name, (register) => clear(register, bit));

const E2H = set('HCR_EL2', 34);
const NOT_E2H = clear('HCR_EL2', 34);

// HCR_EL2, D17.2.48. Those that EL0 can meet behave as 0 for a host's EL0.
export const TVM = ofGuest('HCR_EL2.TVM', set('HCR_EL2', 26), 'write');
export const TRVM = ofGuest('HCR_EL2.TRVM', set('HCR_EL2', 30), 'read');
export const TID1 = ofGuest('HCR_EL2.TID1', set('HCR_EL2', 16), 'read');
export const TID2 = ofGuest('HCR_EL2.TID2', set('HCR_EL2', 17));
export const TID3 = ofGuest('HCR_EL2.TID3', set('HCR_EL2', 18), 'read');
export const TACR = ofGuest('HCR_EL2.TACR', set('HCR_EL2', 21));
/** IMPLEMENTATION DEFINED registers. QEMU 7.2 does not have this trap. */
export const TIDCP = trap('HCR_EL2.TIDCP', 2, [1], [set('HCR_EL2', 20)]);
export const TSW = ofGuest('HCR_EL2.TSW', set('HCR_EL2', 22));
export const TPC = ofGuest('HCR_EL2.TPC', set('HCR_EL2', 23));
export const TPU = ofGuest('HCR_EL2.TPU', set('HCR_EL2', 24));
export const TTLB = ofGuest('HCR_EL2.TTLB', set('HCR_EL2', 25));
export const TDZ = ofGuest('HCR_EL2.TDZ', set('HCR_EL2', 28));
/** SGI generation where interrupts are virtual: GICv3 12.1.2. */
export const SGI_ROUTED = [
  ofGuest('HCR_EL2.IMO', set('HCR_EL2', 4)),
  ofGuest('HCR_EL2.FMO', set('HCR_EL2', 3)),
];
export const TLOR = ofGuest('HCR_EL2.TLOR', set('HCR_EL2', 35));
export const TERR = ofGuest('HCR_EL2.TERR', set('HCR_EL2', 36));
export const APK = ofGuest('HCR_EL2.APK', clear('HCR_EL2', 40));
export const ENSCXT = ofGuest('HCR_EL2.EnSCXT', clear('HCR_EL2', 53));

// CPTR_EL2 and CPACR_EL1. With E2H CPTR_EL2 has the format of CPACR_EL1.
export const TCPAC = toEl2('CPTR_EL2.TCPAC', set('CPTR_EL2', 31));
const fpen = (register: string, values: readonly number[]): Condition => ({
  register,
  lsb: 20,
  width: 2,
  values,
});
const floatingPoint = (one: Trap): Trap => ({ ...one, syndrome: 'floating point' });
const cpacrFpen = (from: number, values: readonly number[]): Trap =>
  floatingPoint({ ...trap('CPACR_EL1.FPEN', 1, [from], [fpen('CPACR_EL1', values)]), inHost: false });
export const FLOATING_POINT: readonly Trap[] = [
  cpacrFpen(0, [0, 1, 2]),
  cpacrFpen(1, [0, 2]),
  floatingPoint(trap('CPTR_EL2.TFP', 2, [0, 1, 2], [NOT_E2H, set('CPTR_EL2', 10)])),
  floatingPoint(trap('CPTR_EL2.FPEN', 2, [0, 1, 2], [E2H, fpen('CPTR_EL2', [0, 2])])),
  floatingPoint({ ...trap('CPTR_EL2.FPEN', 2, [0], [fpen('CPTR_EL2', [1])]), inHost: true }),
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

// Generic timer. EL0's traps by CNTKCTL_EL1 (by CNTHCTL_EL2 for a host's EL0) come first; CNTHCTL_EL2 keeps EL1 and a guest's EL0
// from the physical timer, in other bits with E2H. QEMU 7.2 checks EL1PCEN for CNTPCT at EL0.
const el0Timer = (name: string, ...bits: number[]): readonly Trap[] => [
  {
    ...trap(
      `CNTKCTL_EL1.${name}`,
      1,
      [0],
      bits.map((bit) => clear('CNTKCTL_EL1', bit)),
    ),
    inHost: false,
  },
  {
    ...trap(
      `CNTHCTL_EL2.${name}`,
      2,
      [0],
      bits.map((bit) => clear('CNTHCTL_EL2', bit)),
    ),
    inHost: true,
  },
];
const el1Timer = (name: string, nameWithE2h: string, bit: number, bitWithE2h: number): readonly Trap[] => [
  trap(`CNTHCTL_EL2.${name}`, 2, [0, 1], [NOT_E2H, clear('CNTHCTL_EL2', bit)]),
  {
    ...trap(`CNTHCTL_EL2.${nameWithE2h}`, 2, [0, 1], [E2H, clear('CNTHCTL_EL2', bitWithE2h)]),
    inHost: false,
  },
];
export const EL0PCTEN = el0Timer('EL0PCTEN', 0);
export const EL0VCTEN = el0Timer('EL0VCTEN', 1);
export const EL0CTEN = el0Timer('EL0PCTEN', 0, 1);
export const EL0VTEN = el0Timer('EL0VTEN', 8);
export const EL0PTEN = el0Timer('EL0PTEN', 9);
export const EL1PCTEN = el1Timer('EL1PCTEN', 'EL1PCTEN', 0, 10);
export const EL1PCEN = el1Timer('EL1PCEN', 'EL1PTEN', 1, 11);

// SCTLR_ELx: what EL0 may do.
export const UMA = el0Needs('UMA', 9);
export const EN_RCTX = el0Needs('EnRCTX', 10);
export const DZE = el0Needs('DZE', 14);
export const UCT = el0Needs('UCT', 15);
export const UCI = el0Needs('UCI', 26);
export const TSCXT = el0Control('TSCXT', (register) => set(register, 20));

// ICH_HCR_EL2, GICv3 12.4.7.
export const ICH_TC = toEl2('ICH_HCR_EL2.TC', set('ICH_HCR_EL2', 10));
export const ICH_TALL0 = toEl2('ICH_HCR_EL2.TALL0', set('ICH_HCR_EL2', 11));
export const ICH_TALL1 = toEl2('ICH_HCR_EL2.TALL1', set('ICH_HCR_EL2', 12));
export const ICH_TDIR = toEl2('ICH_HCR_EL2.TDIR', set('ICH_HCR_EL2', 14));

const E2H_AND_TGE = (1n << 34n) | (1n << 27n);

/** Where traps find their controls: a half of a register, 0 the low word. Traps are asked for often, and a BigInt would be made each time. */
export interface ControlRegisters {
  word(register: string, half: 0 | 1): number;
}

const holds = (registers: ControlRegisters, { register, lsb, width, values }: Condition): boolean => {
  const word = registers.word(register, lsb < 32 ? 0 : 1);
  return values.includes((word >>> (lsb & 31)) & ((1 << width) - 1));
};
const isHostNow = (registers: ControlRegisters): boolean =>
  (registers.word('HCR_EL2', 1) & 4) !== 0 && (registers.word('HCR_EL2', 0) & (1 << 27)) !== 0;

/** HCR_EL2.{E2H, TGE} is {1, 1}: EL0 belongs to a host at EL2. */
export const isHost = (hcr: bigint): boolean => (hcr & E2H_AND_TGE) === E2H_AND_TGE;

function applies(
  { from, direction, when, inHost }: Trap,
  el: number,
  isRead: boolean,
  registers: ControlRegisters,
): boolean {
  if (!from.includes(el) || (direction !== 'both' && (direction === 'read') !== isRead)) return false;
  for (const condition of when) if (!holds(registers, condition)) return false;
  return inHost === undefined || inHost === isHostNow(registers);
}

/** The trap that an access from `el` meets, if any. */
export function firstTrap(
  traps: readonly Trap[],
  el: number,
  isRead: boolean,
  registers: ControlRegisters,
): Trap | undefined {
  for (const trap of traps) if (applies(trap, el, isRead, registers)) return trap;
  return undefined;
}
