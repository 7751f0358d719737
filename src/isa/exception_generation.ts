/** Exception generation, and the permanently undefined instruction. Arm ARM C4.1.87, C4.1.1. */
import type { Emitter, RuntimeCall, Value } from './emitter.ts';
import type { Fields } from './pattern.ts';
import { row } from './row.ts';

const comment = { imm: ({ imm16 }: Fields<'imm16'>) => imm16 };
const calling =
  (name: RuntimeCall) =>
  ({ imm }: { imm: Value<64> }, e: Emitter) =>
    e.call(name, imm);

/** DCPS1 to DCPS3 are UNDEFINED outside Debug state, which this machine never enters. */
const undefinedHere = (_operands: object, e: Emitter) => e.call('undefinedInstruction');

// biome-ignore format: a table
export const exceptionGeneration = [
  row('SVC',   '11010100 000 imm16:16 000 01', comment, calling('supervisorCall')),
  row('HVC',   '11010100 000 imm16:16 000 10', comment, calling('hypervisorCall')),
  row('SMC',   '11010100 000 imm16:16 000 11', comment, calling('secureMonitorCall')),
  row('BRK',   '11010100 001 imm16:16 000 00', comment, calling('breakpoint')),
  row('HLT',   '11010100 010 imm16:16 000 00', comment, calling('halt')),
  row('DCPS1', '11010100 101 imm16:16 000 01', {}, undefinedHere),
  row('DCPS2', '11010100 101 imm16:16 000 10', {}, undefinedHere),
  row('DCPS3', '11010100 101 imm16:16 000 11', {}, undefinedHere),

  // Reserved
  row('UDF',   '0000000000000000 imm16:16', {}, undefinedHere),
];
