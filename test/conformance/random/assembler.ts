/** The few instructions that the driver of the test images is written in, from the instruction table itself. */
import { assemble } from '../../../src/isa/pattern.ts';
import { ROWS } from '../../../src/isa/table.ts';

const byName = new Map(ROWS.map((row) => [row.name, row]));

/** The word of a row of the table with the given fields; the others are zero. */
export function instruction(name: string, fields: { readonly [field: string]: number } = {}): number {
  const row = byName.get(name);
  if (!row) throw new Error(`no row ${name} in the instruction table`);
  return assemble(row.pattern, fields);
}

/** op0 (2 or 3), op1, CRn, CRm, op2. */
export type SystemRegister = readonly [number, number, number, number, number];

// biome-ignore format: a table
export const SYSTEM_REGISTERS = {
  SCTLR_EL1: [3, 0, 1, 0, 0], TTBR0_EL1: [3, 0, 2, 0, 0], TTBR1_EL1: [3, 0, 2, 0, 1], TCR_EL1: [3, 0, 2, 0, 2],
  SPSR_EL1: [3, 0, 4, 0, 0], ELR_EL1: [3, 0, 4, 0, 1], SP_EL0: [3, 0, 4, 1, 0], ESR_EL1: [3, 0, 5, 2, 0],
  FAR_EL1: [3, 0, 6, 0, 0], PAR_EL1: [3, 0, 7, 4, 0], MAIR_EL1: [3, 0, 10, 2, 0], VBAR_EL1: [3, 0, 12, 0, 0],
  TPIDR_EL1: [3, 0, 13, 0, 4], CPACR_EL1: [3, 0, 1, 0, 2], CONTEXTIDR_EL1: [3, 0, 13, 0, 1],
  FPCR: [3, 3, 4, 4, 0], FPSR: [3, 3, 4, 4, 1], TPIDR_EL0: [3, 3, 13, 0, 2], TPIDRRO_EL0: [3, 3, 13, 0, 3], NZCV: [3, 3, 4, 2, 0], DAIF: [3, 3, 4, 2, 1],
  CURRENTEL: [3, 0, 4, 2, 2], SPSEL: [3, 0, 4, 2, 0], CTR_EL0: [3, 3, 0, 0, 1], DCZID_EL0: [3, 3, 0, 0, 7],
  SCTLR_EL2: [3, 4, 1, 0, 0], HCR_EL2: [3, 4, 1, 1, 0], TTBR0_EL2: [3, 4, 2, 0, 0], TCR_EL2: [3, 4, 2, 0, 2],
  VTTBR_EL2: [3, 4, 2, 1, 0], VTCR_EL2: [3, 4, 2, 1, 2], SPSR_EL2: [3, 4, 4, 0, 0], ELR_EL2: [3, 4, 4, 0, 1],
  SP_EL1: [3, 4, 4, 1, 0], ESR_EL2: [3, 4, 5, 2, 0], FAR_EL2: [3, 4, 6, 0, 0], HPFAR_EL2: [3, 4, 6, 0, 4],
  APIAKEYLO_EL1: [3, 0, 2, 1, 0], APIAKEYHI_EL1: [3, 0, 2, 1, 1], APIBKEYLO_EL1: [3, 0, 2, 1, 2], APIBKEYHI_EL1: [3, 0, 2, 1, 3],
  APDAKEYLO_EL1: [3, 0, 2, 2, 0], APDAKEYHI_EL1: [3, 0, 2, 2, 1], APDBKEYLO_EL1: [3, 0, 2, 2, 2], APDBKEYHI_EL1: [3, 0, 2, 2, 3],
  APGAKEYLO_EL1: [3, 0, 2, 3, 0], APGAKEYHI_EL1: [3, 0, 2, 3, 1],
  PAN: [3, 0, 4, 2, 3], UAO: [3, 0, 4, 2, 4], DIT: [3, 3, 4, 2, 5], SSBS: [3, 3, 4, 2, 6],
  MAIR_EL2: [3, 4, 10, 2, 0], VBAR_EL2: [3, 4, 12, 0, 0], TPIDR_EL2: [3, 4, 13, 0, 2], CPTR_EL2: [3, 4, 1, 1, 2],
} as const satisfies Record<string, SystemRegister>;
export type SystemRegisterName = keyof typeof SYSTEM_REGISTERS;

/** Fields of MRS and MSR. */
export const systemRegisterFields = (name: SystemRegisterName, rt: number) => {
  const [op0, op1, crn, crm, op2] = SYSTEM_REGISTERS[name];
  return { o0: op0 - 2, op1, crn, crm, op2, rt };
};

/** Code under construction at a fixed address, with labels that may be used before they are placed. */
export class Code {
  readonly base: number;
  readonly words: number[] = [];
  readonly #labels = new Map<string, number>();
  readonly #fixups: { at: number; label: string; kind: 'imm26' | 'imm19' | 'adr' }[] = [];

  constructor(base: number) {
    this.base = base;
  }
  get address(): number {
    return this.base + 4 * this.words.length;
  }
  emit(name: string, fields: { readonly [field: string]: number } = {}): this {
    this.words.push(instruction(name, fields));
    return this;
  }
  label(name: string): this {
    this.#labels.set(name, this.address);
    return this;
  }
  addressOf(label: string): number {
    const address = this.#labels.get(label);
    if (address === undefined) throw new Error(`no label ${label}`);
    return address;
  }
  /** Fills with UDF up to an address. */
  padTo(address: number): this {
    if (this.address > address) throw new Error(`code is past 0x${address.toString(16)}`);
    while (this.address < address) this.words.push(0);
    return this;
  }
  #later(label: string, kind: 'imm26' | 'imm19' | 'adr', name: string, fields = {}): this {
    this.#fixups.push({ at: this.words.length, label, kind });
    return this.emit(name, fields);
  }
  b(label: string): this {
    return this.#later(label, 'imm26', 'B');
  }
  bCond(cond: number, label: string): this {
    return this.#later(label, 'imm19', 'B_cond', { cond });
  }
  cbz(rt: number, label: string): this {
    return this.#later(label, 'imm19', 'CBZ', { sf: 1, rt });
  }
  adr(rd: number, label: string): this {
    return this.#later(label, 'adr', 'ADR', { rd });
  }
  mov(rd: number, value: number | bigint): this {
    this.words.push(...moveImmediate(rd, BigInt(value)));
    return this;
  }
  movRegister(rd: number, rm: number): this {
    return this.emit('ORR_shift', { sf: 1, rm, rn: 31, rd });
  }
  mrs(rt: number, register: SystemRegisterName): this {
    return this.emit('MRS', systemRegisterFields(register, rt));
  }
  msr(register: SystemRegisterName, rt: number): this {
    return this.emit('MSR_reg', systemRegisterFields(register, rt));
  }
  /** [rn + offset], 64 bits; the offset is a multiple of 8. */
  ldr(rt: number, rn: number, offset = 0): this {
    return this.emit('LDR_64_imm', { rt, rn, imm12: offset / 8 });
  }
  str(rt: number, rn: number, offset = 0): this {
    return this.emit('STR_64_imm', { rt, rn, imm12: offset / 8 });
  }
  addImmediate(rd: number, rn: number, imm12: number): this {
    return this.emit('ADD_imm', { sf: 1, rd, rn, imm12 });
  }
  isb(): this {
    return this.emit('ISB', { crm: 15 });
  }
  dsb(): this {
    return this.emit('DSB', { crm: 15 });
  }
  /** TLBI ALLE1 and ALLE2: everything that this machine can hold. */
  tlbiAll(): this {
    return this.emit('SYS', { op1: 4, crn: 8, crm: 7, op2: 4, rt: 31 }).emit('SYS', {
      ...{ op1: 4, crn: 8, crm: 7, op2: 0, rt: 31 },
    });
  }

  /** The finished words. */
  finish(): Uint32Array {
    for (const { at, label, kind } of this.#fixups) {
      const offset = this.addressOf(label) - (this.base + 4 * at);
      if (kind === 'imm26') this.words[at] |= (offset >> 2) & 0x3ff_ffff;
      else if (kind === 'imm19') this.words[at] |= ((offset >> 2) & 0x7_ffff) << 5;
      else this.words[at] |= ((offset & 3) << 29) | (((offset >> 2) & 0x7_ffff) << 5);
    }
    return Uint32Array.from(this.words, (word) => word >>> 0);
  }
}

/** MOVZ and MOVKs that leave `value` in Xd. */
export function moveImmediate(rd: number, value: bigint): number[] {
  const halves = [0, 1, 2, 3].map((i) => Number((BigInt.asUintN(64, value) >> BigInt(16 * i)) & 0xffffn));
  const negative = halves.filter((h) => h === 0xffff).length > halves.filter((h) => h === 0).length;
  const words: number[] = [];
  for (const [hw, half] of halves.entries()) {
    if (half === (negative ? 0xffff : 0)) continue;
    if (words.length) words.push(instruction('MOVK', { sf: 1, hw, imm16: half, rd }));
    else if (negative) words.push(instruction('MOVN', { sf: 1, hw, imm16: half ^ 0xffff, rd }));
    else words.push(instruction('MOVZ', { sf: 1, hw, imm16: half, rd }));
  }
  return words.length ? words : [instruction(negative ? 'MOVN' : 'MOVZ', { sf: 1, rd })];
}
