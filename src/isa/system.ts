/** Hints, barriers, PSTATE, system instructions and system register moves. Arm ARM C4.1.87. */
import type { Emitter, Register, RuntimeCall, Value } from './emitter.ts';
import type { Fields } from './pattern.ts';
import { row } from './row.ts';

/**
 * Barriers order nothing here: one CPU executes at a time, each access is complete before the next begins, and system
 * registers take effect at once.
 */
const nothing = () => {};
const hint = (name: RuntimeCall) => (_operands: object, e: Emitter) => e.call(name);
const beforeHint = { before: ['HINT'] };

type RegisterFields = Fields<'op1' | 'crn' | 'crm' | 'op2'>;
/** op0:op1:CRn:CRm:op2, as `Runtime` takes it. */
const encoding = (op0: number, { op1, crn, crm, op2 }: RegisterFields) =>
  (op0 << 14) | (op1 << 11) | (crn << 7) | (crm << 3) | op2;
const registerMove = { imm: (fields: RegisterFields & Fields<'o0'>) => encoding(2 + fields.o0, fields) };
const operation = { imm: (fields: RegisterFields) => encoding(1, fields) };

interface MoveOperands {
  imm: Value<64>;
  rt: Register;
}
const readingWith =
  (name: RuntimeCall) =>
  ({ imm, rt }: MoveOperands, e: Emitter) =>
    e.setX(rt, e.call(name, imm));
const writingWith =
  (name: RuntimeCall) =>
  ({ imm, rt }: MoveOperands, e: Emitter) =>
    e.call(name, imm, e.x(rt, 64));

const pstateField = {
  bytes: {
    field: ({ op1, op2 }: Fields<'op1' | 'op2'>) => (op1 << 3) | op2,
    value: ({ crm }: Fields<'crm'>) => crm,
  },
};

const openMonitor = (_operands: object, e: Emitter) => e.setCell('exclusiveAddress', e.constant(64, -1));

// biome-ignore format: a table
export const system = [
  // Hints. What is not named here, nor with pointer authentication, is a NOP.
  row('YIELD',   '1101010100 0 00 011 0010 0000 001 11111', beforeHint, hint('yieldHint')),
  row('WFE',     '1101010100 0 00 011 0010 0000 010 11111', beforeHint, hint('waitForEvent')),
  row('WFI',     '1101010100 0 00 011 0010 0000 011 11111', beforeHint, hint('waitForInterrupt')),
  row('SEV',     '1101010100 0 00 011 0010 0000 100 11111', beforeHint, hint('sendEvent')),
  row('SEVL',    '1101010100 0 00 011 0010 0000 101 11111', beforeHint, hint('sendEventLocal')),
  row('DGH',     '1101010100 0 00 011 0010 0000 110 11111', { feature: 'DGH', ...beforeHint }, nothing),
  row('ESB',     '1101010100 0 00 011 0010 0010 000 11111', { feature: 'RAS', ...beforeHint }, hint('errorSynchronizationBarrier')),
  row('BTI',     '1101010100 0 00 011 0010 0100 targets:2 0 11111', { feature: 'BTI', ...beforeHint }, nothing),
  row('HINT',    '1101010100 0 00 011 0010 crm:4 op2:3 11111', {}, nothing),

  // Barriers
  row('CLREX',   '1101010100 0 00 011 0011 crm:4 010 11111', {}, openMonitor),
  row('DSB',     '1101010100 0 00 011 0011 crm:4 100 11111', {}, nothing),
  row('DMB',     '1101010100 0 00 011 0011 crm:4 101 11111', {}, nothing),
  row('ISB',     '1101010100 0 00 011 0011 crm:4 110 11111', {}, nothing),
  row('SB',      '1101010100 0 00 011 0011 0000  111 11111', { feature: 'SB' }, nothing),

  // PSTATE
  row('MSR_imm', '1101010100 0 00 op1:3 0100 crm:4 op2:3 11111', pstateField, ({ field, value }, e) => {
    e.call('writePstateField', e.zeroExtend(64, field, 32), e.zeroExtend(64, value, 32));
  }),

  // System instructions, and system register moves
  row('SYS',     '1101010100 0 01     op1:3 crn:4 crm:4 op2:3 rt:5', operation, writingWith('systemOperation')),
  row('SYSL',    '1101010100 1 01     op1:3 crn:4 crm:4 op2:3 rt:5', operation, readingWith('systemOperationWithResult')),
  row('MSR_reg', '1101010100 0 1 o0:1 op1:3 crn:4 crm:4 op2:3 rt:5', registerMove, writingWith('writeSystemRegister')),
  row('MRS',     '1101010100 1 1 o0:1 op1:3 crn:4 crm:4 op2:3 rt:5', registerMove, readingWith('readSystemRegister')),
];
