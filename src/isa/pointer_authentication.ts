/**
 * Pointer authentication (FEAT_PAuth): the CPU signs and authenticates (cpu/pointer_authentication.ts); traps, keys, the layout of
 * pointers are its. Arm ARM C4.1.87 to C4.1.89, D8.8.
 */
import { jump } from './branches.ts';
import type { Emitter, IndirectBranch, Register, RuntimeCall, Value } from './emitter.ts';
import { LDR_64, transferOf } from './load_store.ts';
import type { Fields } from './pattern.ts';
import { signed } from './pseudocode.ts';
import { row } from './row.ts';

const PAUTH = { feature: 'PAuth' };
const HINT = { ...PAUTH, before: ['HINT'] };

type Modifier = (e: Emitter, modifier?: Register) => Value<64>;
const zero: Modifier = (e) => e.constant(64, 0);
const stackPointer: Modifier = (e) => e.xOrSp(e.register(31), 64);
const x16: Modifier = (e) => e.x(e.register(16), 64);

/** PACIA and its kin: Xd and a modifier, which may be SP. */
const change =
  (name: RuntimeCall) =>
  ({ rn, rd }: { rn: Register; rd: Register }, e: Emitter) =>
    e.setX(rd, e.call(name, e.x(rd, 64), e.xOrSp(rn, 64)));
const changeByZero =
  (name: RuntimeCall) =>
  ({ rd }: { rd: Register }, e: Emitter) =>
    e.setX(rd, e.call(name, e.x(rd, 64), zero(e)));
/** Hints change X17 or X30. */
const changeFixed =
  (name: RuntimeCall, register: 17 | 30, modifier: Modifier) =>
  (_: object, e: Emitter): void =>
    e.setX(e.register(register), e.call(name, e.x(e.register(register), 64), modifier(e)));

interface BranchOperands {
  readonly rn: Register;
  readonly kind: IndirectBranch;
}
const authenticatedJump = { ...PAUTH, ...jump };
const branchTo =
  (name: RuntimeCall) =>
  ({ rn, rm, kind }: BranchOperands & { rm: Register }, e: Emitter) =>
    e.branchIndirect(e.call(name, e.x(rn, 64), e.xOrSp(rm, 64)), kind);
const branchToByZero =
  (name: RuntimeCall) =>
  ({ rn, kind }: BranchOperands, e: Emitter) =>
    e.branchIndirect(e.call(name, e.x(rn, 64), zero(e)), kind);

function call(e: Emitter, name: RuntimeCall, rn: Register, modifier: Value<64>): void {
  const target = e.keep(e.call(name, e.x(rn, 64), modifier));
  e.setX(e.register(30), e.add(e.pc(), e.constant(64, 4)));
  e.branchIndirect(target, 'call');
}
const callTo =
  (name: RuntimeCall) =>
  ({ rn, rm }: { rn: Register; rm: Register }, e: Emitter) =>
    call(e, name, rn, e.xOrSp(rm, 64));
const callToByZero =
  (name: RuntimeCall) =>
  ({ rn }: { rn: Register }, e: Emitter) =>
    call(e, name, rn, zero(e));
const returnBy = (name: RuntimeCall) => (_: object, e: Emitter) =>
  e.branchIndirect(e.call(name, e.x(e.register(30), 64), stackPointer(e)), 'return');
/** The key is A's or B's. */
const exceptionReturn = (key: 0 | 1) => (_: object, e: Emitter) =>
  e.call('exceptionReturnAuthenticated', e.constant(64, key));

const authenticatedLoad = {
  ...PAUTH,
  imm: ({ s, imm9 }: Fields<'s' | 'imm9'>) => signed((s << 9) | imm9, 10) * 8,
};
const authenticatedOffset = { ...authenticatedLoad, transfer: transferOf(LDR_64) };
interface LoadOperands {
  readonly imm: Value<64>;
  readonly rn: Register;
  readonly rt: Register;
}
const loadBy =
  (name: RuntimeCall, writeback: boolean) =>
  ({ imm, rn, rt }: LoadOperands, e: Emitter) => {
    const address = e.keep(e.add(e.call(name, e.xOrSp(rn, 64), zero(e)), imm));
    e.setX(rt, e.load({ bytes: 8, stack: rn }, address));
    // The base last: with Rt = Rn (CONSTRAINED UNPREDICTABLE) it has the address, as in QEMU 7.2.
    if (writeback) e.setXOrSp(rn, address);
  };

// biome-ignore format: a table
export const pointerAuthentication = [
  // Hints
  row('XPACLRI',   '1101010100 0 00 011 0010 0000 111 11111', HINT, changeFixed('xpaci', 30, zero)),
  row('PACIA1716', '1101010100 0 00 011 0010 0001 000 11111', HINT, changeFixed('pacia', 17, x16)),
  row('PACIB1716', '1101010100 0 00 011 0010 0001 010 11111', HINT, changeFixed('pacib', 17, x16)),
  row('AUTIA1716', '1101010100 0 00 011 0010 0001 100 11111', HINT, changeFixed('autia', 17, x16)),
  row('AUTIB1716', '1101010100 0 00 011 0010 0001 110 11111', HINT, changeFixed('autib', 17, x16)),
  row('PACIAZ',    '1101010100 0 00 011 0010 0011 000 11111', HINT, changeFixed('pacia', 30, zero)),
  row('PACIASP',   '1101010100 0 00 011 0010 0011 001 11111', HINT, changeFixed('pacia', 30, stackPointer)),
  row('PACIBZ',    '1101010100 0 00 011 0010 0011 010 11111', HINT, changeFixed('pacib', 30, zero)),
  row('PACIBSP',   '1101010100 0 00 011 0010 0011 011 11111', HINT, changeFixed('pacib', 30, stackPointer)),
  row('AUTIAZ',    '1101010100 0 00 011 0010 0011 100 11111', HINT, changeFixed('autia', 30, zero)),
  row('AUTIASP',   '1101010100 0 00 011 0010 0011 101 11111', HINT, changeFixed('autia', 30, stackPointer)),
  row('AUTIBZ',    '1101010100 0 00 011 0010 0011 110 11111', HINT, changeFixed('autib', 30, zero)),
  row('AUTIBSP',   '1101010100 0 00 011 0010 0011 111 11111', HINT, changeFixed('autib', 30, stackPointer)),

  // Data-processing (1 source)
  row('PACIA',     '1 1 0 11010110 00001 000 000 rn:5 rd:5', PAUTH, change('pacia')),
  row('PACIB',     '1 1 0 11010110 00001 000 001 rn:5 rd:5', PAUTH, change('pacib')),
  row('PACDA',     '1 1 0 11010110 00001 000 010 rn:5 rd:5', PAUTH, change('pacda')),
  row('PACDB',     '1 1 0 11010110 00001 000 011 rn:5 rd:5', PAUTH, change('pacdb')),
  row('AUTIA',     '1 1 0 11010110 00001 000 100 rn:5 rd:5', PAUTH, change('autia')),
  row('AUTIB',     '1 1 0 11010110 00001 000 101 rn:5 rd:5', PAUTH, change('autib')),
  row('AUTDA',     '1 1 0 11010110 00001 000 110 rn:5 rd:5', PAUTH, change('autda')),
  row('AUTDB',     '1 1 0 11010110 00001 000 111 rn:5 rd:5', PAUTH, change('autdb')),
  row('PACIZA',    '1 1 0 11010110 00001 001 000 11111 rd:5', PAUTH, changeByZero('pacia')),
  row('PACIZB',    '1 1 0 11010110 00001 001 001 11111 rd:5', PAUTH, changeByZero('pacib')),
  row('PACDZA',    '1 1 0 11010110 00001 001 010 11111 rd:5', PAUTH, changeByZero('pacda')),
  row('PACDZB',    '1 1 0 11010110 00001 001 011 11111 rd:5', PAUTH, changeByZero('pacdb')),
  row('AUTIZA',    '1 1 0 11010110 00001 001 100 11111 rd:5', PAUTH, changeByZero('autia')),
  row('AUTIZB',    '1 1 0 11010110 00001 001 101 11111 rd:5', PAUTH, changeByZero('autib')),
  row('AUTDZA',    '1 1 0 11010110 00001 001 110 11111 rd:5', PAUTH, changeByZero('autda')),
  row('AUTDZB',    '1 1 0 11010110 00001 001 111 11111 rd:5', PAUTH, changeByZero('autdb')),
  row('XPACI',     '1 1 0 11010110 00001 010 000 11111 rd:5', PAUTH, changeByZero('xpaci')),
  row('XPACD',     '1 1 0 11010110 00001 010 001 11111 rd:5', PAUTH, changeByZero('xpacd')),

  // Data-processing (2 source)
  row('PACGA',     '1 0 0 11010110 rm:5 001100 rn:5 rd:5', PAUTH, ({ rd, rn, rm }, e) =>
    e.setX(rd, e.call('pacga', e.x(rn, 64), e.xOrSp(rm, 64)))),

  // Unconditional branch (register)
  row('BRAAZ',     '1101011 00 00 11111 00001 0 rn:5 11111', authenticatedJump, branchToByZero('autia')),
  row('BRAA',      '1101011 10 00 11111 00001 0 rn:5 rm:5', authenticatedJump, branchTo('autia')),
  row('BRABZ',     '1101011 00 00 11111 00001 1 rn:5 11111', authenticatedJump, branchToByZero('autib')),
  row('BRAB',      '1101011 10 00 11111 00001 1 rn:5 rm:5', authenticatedJump, branchTo('autib')),
  row('BLRAAZ',    '1101011 00 01 11111 00001 0 rn:5 11111', PAUTH, callToByZero('autia')),
  row('BLRAA',     '1101011 10 01 11111 00001 0 rn:5 rm:5', PAUTH, callTo('autia')),
  row('BLRABZ',    '1101011 00 01 11111 00001 1 rn:5 11111', PAUTH, callToByZero('autib')),
  row('BLRAB',     '1101011 10 01 11111 00001 1 rn:5 rm:5', PAUTH, callTo('autib')),
  row('RETAA',     '1101011 0010 11111 00001 0 11111 11111', PAUTH, returnBy('autia')),
  row('RETAB',     '1101011 0010 11111 00001 1 11111 11111', PAUTH, returnBy('autib')),
  row('ERETAA',    '1101011 0100 11111 00001 0 11111 11111', PAUTH, exceptionReturn(0)),
  row('ERETAB',    '1101011 0100 11111 00001 1 11111 11111', PAUTH, exceptionReturn(1)),

  // Load/store register (pac)
  row('LDRAA',     '11 111 0 00 0 s:1 1 imm9:9 0 1 rn:5 rt:5', authenticatedOffset, loadBy('autda', false)),
  row('LDRAA_pre', '11 111 0 00 0 s:1 1 imm9:9 1 1 rn:5 rt:5', authenticatedLoad, loadBy('autda', true)),
  row('LDRAB',     '11 111 0 00 1 s:1 1 imm9:9 0 1 rn:5 rt:5', authenticatedOffset, loadBy('autdb', false)),
  row('LDRAB_pre', '11 111 0 00 1 s:1 1 imm9:9 1 1 rn:5 rt:5', authenticatedLoad, loadBy('autdb', true)),
];
