/**
 * Random sequences of accesses to a GIC. What is left out, because QEMU 7.2 does otherwise than the specification or the
 * specification leaves it open, is in docs/qemu-differences.md.
 */
import { Choices } from '../random/randomness.ts';
import type { Access, Step } from './program.ts';
import type { Sequence } from './runs.ts';

/** Interrupts without a wire on virt, and so with a level that stays low. */
const SPIS = [42, 43, 44, 47];
const PPIS = [20, 21, 22];
const SGIS = [0, 3, 9];
/** The UART's: its line rises with what UARTIMSC lets through. */
const UART = 33;
const UART_BASE = 0x0900_0000;

/** What a sequence does: the physical interface, or the virtual one, with the physical one masked. */
export type Side = 'physical' | 'virtual';

export interface SequenceOptions {
  readonly seed: number;
  readonly gic: 2 | 3;
  readonly side: Side;
  readonly cpus: 1 | 2;
  readonly length: number;
  /** Names of further accesses; all when absent. */
  readonly more?: readonly string[];
}

export function randomSequence({ seed, gic, side, cpus, length, more }: SequenceOptions): Sequence {
  const choices = new Choices(seed);
  const make = gic === 2 ? new GicV2Accesses(choices, cpus) : new GicV3Accesses(choices, cpus);
  const steps: Step[] = [];
  const all = Array.from({ length: cpus }, (_, cpu) => cpu);
  for (const cpu of all) steps.push(...make.prologue(side, cpu).map((access) => ({ cpu, access })));
  while (steps.length < length) {
    const cpu = choices.below(cpus);
    const further = make.further(side, cpu).filter(([name]) => !more || more.includes(name));
    const usual = further.length === 0 || !choices.oneIn(8);
    const access = side === 'physical' ? make.physical(cpu) : make.virtual(cpu);
    steps.push({ cpu, access: usual ? access : choices.of(further)[1]() });
  }
  return { gic, cpus, steps, setUp: gic === 2 ? [] : GICV3_SET_UP };
}

/** System registers for EL2 and EL1; the redistributor awake. */
export const GICV3_SET_UP = [
  'mov x0, #0xf',
  'msr s3_4_c12_c9_5, x0 // ICC_SRE_EL2',
  'isb',
  'mov x0, #7',
  'msr s3_0_c12_c12_5, x0 // ICC_SRE_EL1',
  'ldr x0, =0x080a0014',
  'add x0, x0, x24, lsl #17',
  'str wzr, [x0]',
  'isb',
];

export const read = (name: string, address: number, size: 1 | 4 = 4): Access => ({
  kind: 'read',
  name,
  address,
  size,
});
export const write = (name: string, address: number, value: number, size: 1 | 4 = 4): Access => ({
  kind: 'write',
  name,
  address,
  size,
  value,
});

/** What both versions have: the registers of one flag, one byte or two bits for each interrupt. */
abstract class GicAccesses {
  protected readonly choices: Choices;
  protected readonly cpus: number;
  /** EOImode, of both interfaces: the same for a whole sequence. */
  protected readonly keep: boolean;

  constructor(choices: Choices, cpus: number) {
    this.choices = choices;
    this.cpus = cpus;
    this.keep = choices.oneIn(2);
  }

  abstract prologue(side: Side, cpu: number): Access[];
  abstract physical(cpu: number): Access;
  abstract virtual(cpu: number): Access;
  /** What is done less often: controls. */
  abstract further(side: Side, cpu: number): [string, () => Access][];

  protected mask(intids: readonly number[]): number {
    return intids.reduce((mask, intid) => (this.choices.oneIn(2) ? mask | (1 << (intid & 31)) : mask), 0);
  }

  /** Priorities that are few, so that they meet. */
  protected priority(): number {
    return this.choices.of([0, 0x10, 0x20, 0x28, 0x40, 0x80, 0xa0, 0xf0, this.choices.below(32) << 3]);
  }

  /** The registers of interrupts. `base` is that of the private ones' registers, which with GICv3 are elsewhere. */
  protected ofInterrupts(prefix: [string, string], base: [number, number], sgis: boolean): Access {
    const { choices } = this;
    const shared = choices.below(2);
    const intids = shared ? [...SPIS, UART] : [...PPIS, ...(sgis ? SGIS : [])];
    const at = base[shared];
    const word = 4 * shared;
    const flags = (name: string, offset: number, writable: boolean, among = intids) => {
      const register = `${prefix[shared]}_${name}${shared}`;
      if (!writable || choices.oneIn(4)) return read(register, at + offset + word);
      return write(register, at + offset + word, this.mask(among));
    };
    const intid = choices.of(intids);
    switch (choices.below(12)) {
      case 0:
        return flags('IGROUPR', 0x080, true);
      case 1:
      case 2:
        return flags('ISENABLER', 0x100, true);
      case 3:
        return flags('ICENABLER', 0x180, choices.oneIn(3));
      case 4:
      case 5:
      case 6:
        return flags('ISPENDR', 0x200, this.pendable(shared));
      case 7:
        return flags('ICPENDR', 0x280, this.pendable(shared));
      case 8:
        return flags('ISACTIVER', 0x300, false);
      case 9:
        return flags('ICACTIVER', 0x380, false);
      case 10:
        return choices.oneIn(3)
          ? read(`${prefix[shared]}_IPRIORITYR[${intid}]`, at + 0x400 + intid, 1)
          : write(`${prefix[shared]}_IPRIORITYR[${intid}]`, at + 0x400 + intid, this.priority(), 1);
      default: {
        // ICFGR: PPIs and SPIs; UART's stays a level.
        const register = shared ? 2 : 1;
        const edges = intids.filter((n) => n >= 16 && n !== UART && choices.oneIn(2));
        const value = edges.reduce((bits, n) => bits | (2 << (2 * (n & 15))), 0);
        return choices.oneIn(2) || !this.pendable(shared)
          ? read(`${prefix[shared]}_ICFGR${register}`, at + 0xc00 + 4 * register)
          : write(`${prefix[shared]}_ICFGR${register}`, at + 0xc00 + 4 * register, value);
      }
    }
  }

  /** Private (0) or shared interrupts (1) can be made pending, and configured. */
  protected pendable(_shared: number): boolean {
    return true;
  }

  protected uart(): Access {
    const { choices } = this;
    return choices.oneIn(2)
      ? write('UARTIMSC', UART_BASE + 0x38, choices.of([0, 0x20]))
      : choices.oneIn(2)
        ? write('UARTICR', UART_BASE + 0x44, 0x20)
        : write('UARTDR', UART_BASE, 0x20, 1);
  }
}

const GICD = 0x0800_0000;
const GICC = 0x0801_0000;
const GICH = 0x0803_0000;
const GICV = 0x0804_0000;
const ACKCTL = 1 << 2;
const EOIMODE = 1 << 9;

export class GicV2Accesses extends GicAccesses {
  #virtualMask = 0xf8;
  /** GICC_PMR by CPU. */
  readonly #masks = [0xff, 0xff];
  /** GICC_BPR and GICV_BPR; those of group 1 are one more, which splits alike. */
  readonly #point = this.choices.below(7);
  readonly #virtualPoint = 2 + this.choices.below(5);

  prologue(side: Side, _cpu: number): Access[] {
    const { choices } = this;
    const mode = this.keep ? EOIMODE : 0;
    const physical = [
      write('GICD_CTLR', GICD, 3),
      write('GICC_CTLR', GICC, 3 | ACKCTL | choices.of([0, 8]) | choices.of([0, 16]) | mode),
      write('GICC_PMR', GICC + 4, side === 'physical' ? 0xff : 0),
      write('GICC_BPR', GICC + 8, this.#point),
      write('GICC_ABPR', GICC + 0x1c, this.#point + 1),
      write('GICD_ISENABLER0', GICD + 0x100, 0xffff_ffff),
      write('GICD_ISENABLER1', GICD + 0x104, 0xffff_ffff),
      write('UARTDR', UART_BASE, 0x20, 1),
    ];
    const targets = [...SPIS, UART].map((intid) =>
      write(`GICD_ITARGETSR[${intid}]`, GICD + 0x800 + intid, choices.of([1, 2]), 1),
    );
    if (this.cpus > 1) physical.push(...targets);
    if (side === 'physical') return physical;
    const iar = { address: GICC + 0xc };
    const eoir = { address: GICC + 0x10 };
    return [
      ...physical,
      // The interrupts of list registers with HW: active, and no longer running.
      write('GICC_CTLR', GICC, 3 | ACKCTL | EOIMODE),
      write('GICC_PMR', GICC + 4, 0xff),
      ...SPIS.flatMap((intid): Access[] => [
        write('GICD_ISPENDR1', GICD + 0x204, 1 << (intid & 31)),
        { kind: 'acknowledge', name: 'GICC_IAR', on: 'physical', from: iar },
        { kind: 'end', name: 'GICC_EOIR', on: 'physical', keep: true, to: [eoir, eoir] },
      ]),
      write('GICC_PMR', GICC + 4, 0),
      write('GICH_HCR', GICH, 1),
      write('GICV_CTLR', GICV, 3 | ACKCTL | choices.of([0, 8]) | choices.of([0, 16]) | mode),
      write('GICV_PMR', GICV + 4, 0xf8),
      write('GICV_BPR', GICV + 8, this.#virtualPoint),
      write('GICV_ABPR', GICV + 0x1c, this.#virtualPoint + 1),
    ];
  }

  protected override pendable(shared: number): boolean {
    return shared === 1 || this.cpus === 1;
  }

  further(side: Side, _cpu: number): [string, () => Access][] {
    const { choices } = this;
    if (side === 'physical')
      return [
        ['active', () => write('GICD_ISACTIVER0', GICD + 0x300, this.mask(PPIS))],
        ['inactive', () => write('GICD_ICACTIVER0', GICD + 0x380, this.mask(PPIS))],
        ['shared inactive', () => write('GICD_ICACTIVER1', GICD + 0x384, this.mask(SPIS))],
        ['apr', () => write('GICC_APR0', GICC + 0xd0, this.levels(this.#point))],
      ];
    return [
      ['vmcr', () => write('GICH_VMCR', GICH + 8, this.virtualMachineControl())],
      ['apr', () => write('GICH_APR', GICH + 0xf0, this.levels(this.#virtualPoint - 2))],
      ['off', () => write('GICH_HCR', GICH, choices.below(2))],
      ['eoicount', () => write('GICH_HCR', GICH, ((choices.below(32) << 27) | 1) >>> 0)],
    ];
  }

  /** Active priorities that there can be where 2^n levels are one group. */
  private levels(n: number): number {
    const bits = Array.from({ length: 8 }, (_, i) => i * 2 ** n).filter((bit) => bit < 16);
    return bits.reduce((value, bit) => (this.choices.oneIn(2) ? value | (1 << bit) : value), 0);
  }

  /** Both groups on, AckCtl set; binary points and EOImode stay. */
  private virtualMachineControl(): number {
    const { choices } = this;
    this.#virtualMask = choices.of([0xf8, 0xf8, 0x80, 0x40]);
    const points = (this.#virtualPoint << 21) | ((this.#virtualPoint + 1) << 18);
    const control = 3 | ACKCTL | choices.of([0, 8]) | choices.of([0, 16]) | (this.keep ? EOIMODE : 0);
    return ((this.#virtualMask << 24) | points | control) >>> 0;
  }

  physical(cpu: number): Access {
    const { choices } = this;
    const place = { address: GICC + 0xc };
    switch (choices.below(16)) {
      case 0:
      case 1:
      case 2:
        return { kind: 'acknowledge', name: 'GICC_IAR', on: 'physical', from: place };
      case 3:
      case 4: {
        const end = { address: GICC + 0x10 };
        return { kind: 'end', name: 'GICC_EOIR', on: 'physical', keep: this.keep, to: [end, end] };
      }
      case 5:
        return this.keep
          ? { kind: 'deactivate', name: 'GICC_DIR', on: 'physical', to: { address: GICC + 0x1000 } }
          : read('GICC_RPR', GICC + 0x14);
      case 6:
        return choices.of([
          read('GICC_RPR', GICC + 0x14),
          ...(this.#masks[cpu] === 0xff ? [{ ...read('GICC_HPPIR', GICC + 0x18), mask: 0x3ff }] : []),
          read('GICC_APR0', GICC + 0xd0),
          read('GICC_APR1', GICC + 0xd4),
          read('GICC_CTLR', GICC),
          read('GICC_PMR', GICC + 4),
          read('GICC_BPR', GICC + 8),
          read('GICC_ABPR', GICC + 0x1c),
        ]);
      case 7:
        this.#masks[cpu] = choices.of([0xff, 0xff, 0xf0, 0x80, this.priority()]);
        return write('GICC_PMR', GICC + 4, this.#masks[cpu]);
      case 8:
      case 9: {
        // To others, to itself, or to a list.
        const value = (choices.below(3) << 24) | (choices.below(2 ** this.cpus) << 16) | choices.of(SGIS);
        return write('GICD_SGIR', GICD + 0xf00, value);
      }
      case 10:
        return choices.oneIn(2)
          ? read('GICD_SPENDSGIR0', GICD + 0xf20)
          : write('GICD_CPENDSGIR0', GICD + 0xf10 + choices.of([0, 3]), choices.below(2 ** this.cpus), 1);
      case 11:
        return this.uart();
      default:
        return this.ofInterrupts(['GICD', 'GICD'], [GICD, GICD], cpu >= 0);
    }
  }

  virtual(_cpu: number): Access {
    const { choices } = this;
    switch (choices.below(14)) {
      case 0:
      case 1:
      case 2:
        return { kind: 'acknowledge', name: 'GICV_IAR', on: 'virtual', from: { address: GICV + 0xc } };
      case 3:
      case 4: {
        const end = { address: GICV + 0x10 };
        return { kind: 'end', name: 'GICV_EOIR', on: 'virtual', keep: this.keep, to: [end, end] };
      }
      case 5:
        return this.keep
          ? { kind: 'deactivate', name: 'GICV_DIR', on: 'virtual', to: { address: GICV + 0x1000 } }
          : read('GICV_RPR', GICV + 0x14);
      case 6:
        return choices.of([
          read('GICV_RPR', GICV + 0x14),
          ...(this.#virtualMask === 0xf8 ? [{ ...read('GICV_HPPIR', GICV + 0x18), mask: 0x3ff }] : []),
          read('GICV_CTLR', GICV),
          read('GICV_PMR', GICV + 4),
          read('GICV_BPR', GICV + 8),
          read('GICV_ABPR', GICV + 0x1c),
        ]);
      case 7:
        return choices.of([
          read('GICH_HCR', GICH),
          read('GICH_VMCR', GICH + 8),
          read('GICH_MISR', GICH + 0x10),
          read('GICH_EISR0', GICH + 0x20),
          read('GICH_ELRSR0', GICH + 0x30),
          read('GICH_APR', GICH + 0xf0),
        ]);
      case 8:
        this.#virtualMask = choices.of([0xf8, 0xf8, 0xf0, 0x80, this.priority()]);
        return write('GICV_PMR', GICV + 4, this.#virtualMask);
      case 9:
        return write('GICH_HCR', GICH, 1 | (choices.below(128) << 1));
      case 10: {
        const n = choices.below(4);
        return read(`GICH_LR${n}`, GICH + 0x100 + 4 * n);
      }
      case 11:
        return choices.of([read('GICD_ISACTIVER1', GICD + 0x304), read('GICD_ISPENDR0', GICD + 0x200)]);
      default: {
        const n = choices.below(4);
        return write(`GICH_LR${n}`, GICH + 0x100 + 4 * n, this.listRegister(n));
      }
    }
  }

  /** No virtual interrupt is in two list registers, and none behind the widest mask. */
  private listRegister(n: number): number {
    const { choices } = this;
    const state = choices.of([0, 1, 1, 1, 2, 3]);
    const priority = Math.min(this.priority() >>> 3, 30);
    const fields = (choices.below(2) << 30) | (state << 28) | (priority << 23);
    if (choices.oneIn(3)) return ((1 << 31) | fields | (SPIS[n] << 10) | (100 + n)) >>> 0;
    const sgi = choices.oneIn(2);
    const source = sgi ? choices.below(8) << 10 : 0;
    return (fields | (choices.below(2) << 19) | source | (sgi ? 4 * n + choices.below(4) : 64 + n)) >>> 0;
  }
}

const GICR = (cpu: number) => 0x080a_0000 + cpu * 0x2_0000;
const ICC = {
  PMR: 's3_0_c4_c6_0',
  IAR0: 's3_0_c12_c8_0',
  EOIR0: 's3_0_c12_c8_1',
  HPPIR0: 's3_0_c12_c8_2',
  BPR0: 's3_0_c12_c8_3',
  AP0R0: 's3_0_c12_c8_4',
  AP1R0: 's3_0_c12_c9_0',
  DIR: 's3_0_c12_c11_1',
  RPR: 's3_0_c12_c11_3',
  SGI1R: 's3_0_c12_c11_5',
  SGI0R: 's3_0_c12_c11_7',
  IAR1: 's3_0_c12_c12_0',
  EOIR1: 's3_0_c12_c12_1',
  HPPIR1: 's3_0_c12_c12_2',
  BPR1: 's3_0_c12_c12_3',
  CTLR: 's3_0_c12_c12_4',
  IGRPEN0: 's3_0_c12_c12_6',
  IGRPEN1: 's3_0_c12_c12_7',
} as const;
const ICH = {
  AP0R0: 's3_4_c12_c8_0',
  AP1R0: 's3_4_c12_c9_0',
  HCR: 's3_4_c12_c11_0',
  VTR: 's3_4_c12_c11_1',
  MISR: 's3_4_c12_c11_2',
  EISR: 's3_4_c12_c11_3',
  ELRSR: 's3_4_c12_c11_5',
  VMCR: 's3_4_c12_c11_7',
} as const;
const HCR_EL2 = 's3_4_c1_c1_0';

export class GicV3Accesses extends GicAccesses {
  further(side: Side, cpu: number): [string, () => Access][] {
    const { choices } = this;
    const mode = this.keep ? 2 : 0;
    if (side === 'physical')
      return [
        ['distributor', () => write('GICD_CTLR', GICD, 0x10 | choices.of([3, 3, 3, 2, 1, 0]))],
        ['cbpr', () => this.setIcc('CTLR', mode | choices.below(2))],
        ['bpr0', () => this.setIcc('BPR0', choices.below(8))],
        ['bpr1', () => this.setIcc('BPR1', choices.below(8))],
        ['active', () => write('GICR_ISACTIVER0', GICR(cpu) + 0x1_0300, this.mask([...SGIS, ...PPIS]))],
        ['inactive', () => write('GICR_ICACTIVER0', GICR(cpu) + 0x1_0380, this.mask([...SGIS, ...PPIS]))],
        ['shared active', () => write('GICD_ISACTIVER1', GICD + 0x304, this.mask(SPIS))],
        ['shared inactive', () => write('GICD_ICACTIVER1', GICD + 0x384, this.mask(SPIS))],
        ['route', () => write('GICD_IROUTER43', GICD + 0x6000 + 8 * 43, choices.below(this.cpus + 1))],
      ];
    return [
      ['group 0', () => this.setIcc('IGRPEN0', choices.below(2), 1)],
      ['group 1', () => this.setIcc('IGRPEN1', choices.below(2), 1)],
      ['cbpr', () => this.setIcc('CTLR', mode | choices.below(2), 1)],
      ['bpr0', () => this.setIcc('BPR0', choices.below(8), 1)],
      ['bpr1', () => this.setIcc('BPR1', choices.below(8), 1)],
      [
        'vmcr',
        () =>
          this.setIch(
            'VMCR',
            (choices.below(2 ** 32) & ~(7 << 24) & ~(this.keep ? 0 : EOIMODE)) | (this.keep ? EOIMODE : 0),
          ),
      ],
      ['apr0', () => this.setIch('AP0R0', choices.below(2 ** 8))],
      ['apr1', () => this.setIch('AP1R0', choices.below(2 ** 8))],
      ['off', () => this.setIch('HCR', choices.below(2))],
      ['eoicount', () => this.setIch('HCR', (choices.below(32) << 27) | 1)],
    ];
  }

  private icc(name: keyof typeof ICC, el: 1 | 2 = 2): Access {
    return { kind: 'mrs', name: `ICC_${name}`, register: ICC[name], el };
  }
  private setIcc(name: keyof typeof ICC, value: number | bigint, el: 1 | 2 = 2): Access {
    return { kind: 'msr', name: `ICC_${name}`, register: ICC[name], el, value: BigInt(value) };
  }
  private ich(name: keyof typeof ICH): Access {
    return { kind: 'mrs', name: `ICH_${name}`, register: ICH[name], el: 2 };
  }
  private setIch(name: keyof typeof ICH, value: number): Access {
    return { kind: 'msr', name: `ICH_${name}`, register: ICH[name], el: 2, value: BigInt(value >>> 0) };
  }

  prologue(side: Side, cpu: number): Access[] {
    const { choices } = this;
    const mode = (this.keep ? 2 : 0) | choices.below(2);
    const physical = [
      write('GICD_CTLR', GICD, 0x13),
      this.setIcc('CTLR', mode),
      this.setIcc('PMR', side === 'physical' ? 0xf8 : 0),
      this.setIcc('IGRPEN0', 1),
      this.setIcc('IGRPEN1', 1),
      write('GICR_ISENABLER0', GICR(cpu) + 0x1_0100, 0xffff_ffff),
      write('GICD_ISENABLER1', GICD + 0x104, 0xffff_ffff),
      write('UARTDR', UART_BASE, 0x20, 1),
    ];
    if (this.cpus > 1 && cpu === 0)
      for (const intid of [...SPIS, UART])
        physical.push(write(`GICD_IROUTER${intid}`, GICD + 0x6000 + 8 * intid, choices.below(2)));
    if (side === 'physical') return physical;
    return [
      ...physical,
      { kind: 'msr', name: 'HCR_EL2', register: HCR_EL2, el: 2, value: 0x8000_0018n },
      this.setIch('HCR', 1),
      this.setIcc('CTLR', mode, 1),
      this.setIcc('PMR', 0xf8, 1),
      this.setIcc('IGRPEN0', 1, 1),
      this.setIcc('IGRPEN1', 1, 1),
    ];
  }

  acknowledge(on: Side, el: 1 | 2): Access {
    const group = this.choices.below(2) as 0 | 1;
    const register = group === 0 ? ICC.IAR0 : ICC.IAR1;
    return { kind: 'acknowledge', name: `ICC_IAR${group}`, on, from: { register, el, group } };
  }
  end(on: Side, el: 1 | 2): Access {
    const to = [
      { register: ICC.EOIR0, el },
      { register: ICC.EOIR1, el },
    ] as const;
    return { kind: 'end', name: 'ICC_EOIR', on, keep: this.keep, to };
  }

  physical(cpu: number): Access {
    const { choices } = this;
    switch (choices.below(16)) {
      case 0:
      case 1:
      case 2:
        return this.acknowledge('physical', 2);
      case 3:
      case 4:
        return this.end('physical', 2);
      case 5:
        return this.keep
          ? { kind: 'deactivate', name: 'ICC_DIR', on: 'physical', to: { register: ICC.DIR, el: 2 } }
          : this.icc('RPR');
      case 6:
        return this.icc(
          choices.of(['RPR', 'HPPIR0', 'HPPIR1', 'AP0R0', 'AP1R0', 'CTLR', 'PMR', 'BPR0', 'BPR1']),
        );
      case 7:
        return this.setIcc('PMR', choices.of([0xff, 0xff, 0xf0, 0x80, this.priority()]));
      case 8:
      case 9: {
        const all = this.cpus > 1 && choices.oneIn(3) ? 1n << 40n : 0n;
        const value = all | (BigInt(choices.of(SGIS)) << 24n) | BigInt(choices.below(2 ** this.cpus));
        return this.setIcc(choices.of(['SGI0R', 'SGI1R']), value);
      }
      case 10:
        return this.uart();
      default: {
        // Another CPU's redistributor can be reached as well.
        const other = this.cpus > 1 && choices.oneIn(4) ? 1 - cpu : cpu;
        return this.ofInterrupts([`GICR${other}`, 'GICD'], [GICR(other) + 0x1_0000, GICD], true);
      }
    }
  }

  virtual(_cpu: number): Access {
    const { choices } = this;
    switch (choices.below(14)) {
      case 0:
      case 1:
      case 2:
        return this.acknowledge('virtual', 1);
      case 3:
      case 4:
        return this.end('virtual', 1);
      case 5:
        return this.keep
          ? { kind: 'deactivate', name: 'ICC_DIR', on: 'virtual', to: { register: ICC.DIR, el: 1 } }
          : this.icc('RPR', 1);
      case 6:
        return this.icc(
          choices.of(['RPR', 'HPPIR0', 'HPPIR1', 'AP0R0', 'AP1R0', 'CTLR', 'PMR', 'BPR0', 'BPR1', 'IGRPEN0']),
          1,
        );
      case 7:
        return this.ich(
          choices.of([this.keep ? 'VTR' : 'HCR', 'VMCR', 'MISR', 'EISR', 'ELRSR', 'AP0R0', 'AP1R0', 'VTR']),
        );
      case 8:
        return this.setIcc('PMR', choices.of([0xf8, 0xf8, 0xf0, 0x80, this.priority()]), 1);
      case 9:
        // With EOImode 1 EOIcount is no matter: not LRENPIE. Never VGrp0DIE.
        return this.setIch('HCR', 1 | ((choices.below(128) & ~16 & (this.keep ? ~2 : ~0)) << 1));
      case 10: {
        const n = choices.below(4);
        return { kind: 'mrs', name: `ICH_LR${n}`, register: `s3_4_c12_c12_${n}`, el: 2 };
      }
      case 11:
        return choices.of([
          read('GICD_ISACTIVER1', GICD + 0x304),
          read('GICR_ISPENDR0', GICR(0) + 0x1_0200),
          write('GICD_ISACTIVER1', GICD + 0x304, this.mask(SPIS)),
        ]);
      default: {
        const n = choices.below(4);
        const register = `s3_4_c12_c12_${n}`;
        return { kind: 'msr', name: `ICH_LR${n}`, register, el: 2, value: this.listRegister(n) };
      }
    }
  }

  private listRegister(n: number): bigint {
    const { choices } = this;
    const state = BigInt(choices.of([0, 1, 1, 1, 2, 3])) << 62n;
    const fields = state | (BigInt(choices.below(2)) << 60n) | (BigInt(this.priority()) << 48n);
    if (choices.oneIn(3)) return (1n << 61n) | fields | (BigInt(SPIS[n]) << 32n) | BigInt(100 + n);
    return (
      fields | (BigInt(choices.below(2)) << 41n) | BigInt(choices.of([4 * n + choices.below(4), 64 + n]))
    );
  }
}
