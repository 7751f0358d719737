/** Units of branches, exception generation and system instructions. Arm ARM C4.1.87. */
import type { Row } from '../../../src/isa/row.ts';
import { instruction, moveImmediate, type SystemRegisterName, systemRegisterFields } from './assembler.ts';
import type { Choices } from './randomness.ts';
import type { Target } from './target.ts';
import { type BranchTarget, type Surroundings, type Unit, unit } from './units.ts';

const WRITABLE: readonly SystemRegisterName[] = [
  ...(['FPCR', 'FPSR', 'FPSR', 'TPIDR_EL0', 'TPIDRRO_EL0', 'NZCV', 'DAIF'] as const),
  ...(['TPIDR_EL1', 'CONTEXTIDR_EL1', 'ELR_EL1', 'SP_EL0'] as const),
];
const READ_ONLY: readonly SystemRegisterName[] = [
  ...(['CURRENTEL', 'SPSEL', 'CTR_EL0', 'DCZID_EL0', 'VBAR_EL2', 'TPIDR_EL2', 'HCR_EL2'] as const),
];
/** What extensions add. */
const WRITABLE_WITH: { readonly [feature: string]: readonly SystemRegisterName[] } = {
  PAN: ['PAN'],
  UAO: ['UAO'],
  DIT: ['DIT'],
  SSBS: ['SSBS'],
  PAuth: ['APIAKEYLO_EL1', 'APIBKEYHI_EL1', 'APDAKEYHI_EL1', 'APDBKEYLO_EL1', 'APGAKEYHI_EL1'],
};

/** op1, CRm, op2 of operations on C7 and C8 without an address; with one. */
const PLAIN_OPERATIONS = [
  { op1: 0, crn: 7, crm: 5, op2: 0 }, // IC IALLU
  { op1: 0, crn: 7, crm: 1, op2: 0 }, // IC IALLUIS
  { op1: 0, crn: 8, crm: 7, op2: 0 }, // TLBI VMALLE1
  { op1: 0, crn: 8, crm: 3, op2: 0 }, // TLBI VMALLE1IS
  { op1: 0, crn: 8, crm: 7, op2: 1 }, // TLBI VAE1
  { op1: 0, crn: 8, crm: 7, op2: 2 }, // TLBI ASIDE1
  { op1: 4, crn: 8, crm: 7, op2: 0 }, // TLBI ALLE2
  { op1: 4, crn: 8, crm: 7, op2: 6 }, // TLBI VMALLS12E1
  { op1: 1, crn: 7, crm: 9, op2: 3 }, // not allocated
];
const DC_ZVA = { op1: 3, crn: 7, crm: 4, op2: 1 };

export function controlUnit(row: Row, word: number, choices: Choices, surroundings: Surroundings): Unit {
  const { name } = row;
  const ahead = 1 + choices.below(3);
  const only = (words: number[], targets: BranchTarget[] = []) => unit(words, targets);
  const field = (low: number, width: number) => (word >>> low) & (2 ** width - 1);
  switch (name) {
    case 'B':
    case 'BL':
      return only([instruction(name)], [{ word: 0, kind: 'imm26', unitsAhead: ahead }]);
    case 'B_cond':
    case 'CBZ':
    case 'CBNZ':
      return only([(word & ~(0x7ffff << 5)) >>> 0], [{ word: 0, kind: 'imm19', unitsAhead: ahead }]);
    case 'TBZ':
    case 'TBNZ':
      return only([(word & ~(0x3fff << 5)) >>> 0], [{ word: 0, kind: 'imm14', unitsAhead: ahead }]);
    case 'BR':
    case 'BLR':
    case 'RET':
      return indirectBranch(name, choices, ahead);
    case 'SB':
      // QEMU 7.2 does not clear PSTATE.BTYPE, which an indirect branch may have left to it (docs/qemu-differences.md).
      return only([instruction('HINT'), word]);
    case 'ERET':
      return exceptionReturn(choices, surroundings, ahead);
    case 'SVC':
    case 'HVC':
    case 'BRK':
      // #0xffff ends a stream at EL2.
      return only([instruction(name, { imm16: choices.field(16) & 0x7fff })]);
    case 'SMC':
      // Whether SPSR.BTYPE is zero where it is UNDEFINED is CONSTRAINED UNPREDICTABLE (J1.1.2, Unpredictable_ZEROBTYPE).
      return only([instruction('HINT'), instruction('SMC', { imm16: choices.field(16) & 0x7fff })]);
    case 'HLT':
      return only([instruction(name, { imm16: choices.below(0xf000) })]);
    case 'WFE':
    case 'WFET':
      return only([instruction('SEVL'), word]);
    case 'HINT':
      return only([instruction('HINT', { crm: 1 + choices.below(15), op2: choices.below(8) })]);
    case 'MSR_imm':
      return only([instruction('MSR_imm', choices.of(PSTATE_FIELDS)(choices.below(16)))]);
    case 'SYS':
      return systemOperation(choices, surroundings);
    case 'SYSL':
      return only([
        instruction('SYSL', { op1: 3, crn: 7, crm: field(8, 4), op2: field(5, 3), rt: field(0, 5) }),
      ]);
    case 'MRS':
    case 'MSR_reg':
      return registerMove(name, choices, surroundings.target);
    default:
      if (/^(BL?R|RET|ERET)A[AB]Z?$/.test(name))
        return authenticatedBranch(name, choices, surroundings, ahead);
      return only([word]);
  }
}

const PSTATE_FIELDS: readonly ((imm: number) => Record<string, number>)[] = [
  (imm) => ({ op1: 0, op2: 5, crm: imm & 1 }), // SPSel
  (imm) => ({ op1: 3, op2: 6, crm: imm }), // DAIFSet
  (imm) => ({ op1: 3, op2: 7, crm: imm }), // DAIFClr
  (imm) => ({ op1: 0, op2: 3, crm: imm }), // UAO
  (imm) => ({ op1: 0, op2: 4, crm: imm }), // PAN
  (imm) => ({ op1: 3, op2: 1, crm: imm }), // SSBS
  (imm) => ({ op1: 3, op2: 2, crm: imm }), // DIT
  (imm) => ({ op1: 7, op2: 7, crm: imm }), // not allocated
];

function indirectBranch(name: string, choices: Choices, unitsAhead: number): Unit {
  const rn = choices.below(31);
  const adr = { word: 0, kind: 'adr', unitsAhead } as const;
  if (!choices.oneIn(6)) return unit([instruction('ADR', { rd: rn }), instruction(name, { rn })], [adr]);
  // To nowhere: the handler of the fetch's fault goes on where TPIDR_EL0 says. A misaligned target is in mapped memory: QEMU
  // takes the instruction abort first, the architecture the alignment fault.
  const nowhere = choices.of([
    0x7fff_0000n,
    0x0123_4567_89ab_cdecn,
    0xffff_0000_0000_0000n,
    0xffff_ffff_ffff_fffcn,
  ]);
  const spoil = choices.oneIn(3)
    ? [instruction('ADD_imm', { sf: 1, rd: rn, rn, imm12: 1 + choices.below(3) })]
    : moveImmediate(rn, nowhere);
  const words = [
    instruction('ADR', { rd: rn }),
    instruction('MSR_reg', systemRegisterFields('TPIDR_EL0', rn)),
    ...spoil,
    instruction(name, { rn }),
  ];
  return unit(words, [adr]);
}

/** ELR and SPSR for a return to the same level, with other flags; the address is in Xd. */
function returnState(rd: number, el: 1 | 2, choices: Choices): number[] {
  const spsr = (BigInt(choices.bits(4)) << 28n) | 0x3c0n | BigInt(el << 2) | BigInt(choices.below(2));
  return [
    instruction('MSR_reg', systemRegisterFields(`ELR_EL${el}`, rd)),
    ...moveImmediate(rd, spsr),
    instruction('MSR_reg', systemRegisterFields(`SPSR_EL${el}`, rd)),
  ];
}

/** To a later unit; UNDEFINED at EL0. */
function exceptionReturn(choices: Choices, { el }: Surroundings, unitsAhead: number): Unit {
  const eret = instruction('ERET');
  if (el === 0) return unit([eret]);
  const rd = choices.below(31);
  const words = [instruction('ADR', { rd }), ...returnState(rd, el, choices), eret];
  return unit(words, [{ word: 0, kind: 'adr', unitsAhead }]);
}

/**
 * To a later unit, with an address that mostly was signed before. Where the authentication fails, the fetch does, and its handler
 * goes on where TPIDR_EL0 says.
 */
function authenticatedBranch(name: string, choices: Choices, { el }: Surroundings, unitsAhead: number): Unit {
  const key = name.replace(/Z$/, '').at(-1);
  const isReturn = name.includes('RET');
  const rn = name.startsWith('RET') ? 30 : choices.below(31);
  const rm = isReturn ? 31 : choices.register();
  const sign = name.endsWith('Z')
    ? instruction(`PACIZ${key}`, { rd: rn })
    : instruction(`PACI${key}`, { rd: rn, rn: rm });
  const words = [
    instruction('ADR', { rd: rn }),
    instruction('MSR_reg', systemRegisterFields('TPIDR_EL0', rn)),
    ...(choices.oneIn(8) ? [] : [sign]),
  ];
  if (name.startsWith('ERET')) {
    if (el > 0) words.push(...returnState(rn, el as 1 | 2, choices));
    words.push(instruction(name));
  } else if (name.startsWith('RET')) words.push(instruction(name));
  else words.push(instruction(name, name.endsWith('Z') ? { rn } : { rn, rm }));
  return unit(words, [{ word: 0, kind: 'adr', unitsAhead }]);
}

function systemOperation(choices: Choices, surroundings: Surroundings): Unit {
  const rt = choices.below(31);
  // DC ZVA faults on Device memory, which is what everything is with the MMU off; QEMU does not know.
  if (surroundings.alignedOnly || choices.oneIn(2))
    return unit([instruction('SYS', { ...choices.of(PLAIN_OPERATIONS), rt: choices.register() })]);
  const { scratch } = surroundings;
  const address = BigInt(scratch.base + choices.below(scratch.size));
  return unit([...moveImmediate(rt, address), instruction('SYS', { ...DC_ZVA, rt })]);
}

function registerMove(name: 'MRS' | 'MSR_reg', choices: Choices, target: Target): Unit {
  const added = Object.entries(WRITABLE_WITH).flatMap(([feature, names]) =>
    target.has(feature) ? names : [],
  );
  const registers = [...WRITABLE, ...added, ...(name === 'MRS' ? READ_ONLY : [])];
  return unit([instruction(name, systemRegisterFields(choices.of(registers), choices.register()))]);
}
