/**
 * System register moves and system operations that need nothing of the machine, without leaving translated code.
 *
 * Which they are depends on the exception level, SPSel and every trap control. Memory 0 has a table for each level and SPSel, cell
 * `shortcuts` is the address of the present one; machine/shortcuts.ts fills entries in when the machine was called for them and
 * nothing had to be done, and empties them when a trap control changes. So an entry of 0, which all are at first, is always right:
 * it means that the machine must be called. Cell `quiet` is 1 where a change of PSTATE.DAIF has no consequence.
 */
import { CELL, type StateCell } from '../cpu/state.ts';
import { SYSTEM_OPERATIONS } from '../cpu/sysregs/operations.ts';
import { registerNamed } from '../cpu/sysregs/table.ts';
import type { RuntimeCall, Value } from '../isa/emitter.ts';
import { DATA_TLB_ENTRIES, DATA_TLB_ENTRY, SHORTCUT_OPERATIONS, SHORTCUT_WRITES } from './layout.ts';
import { inPool, pushPoolDelta } from './pool.ts';
import { type CodeBuffer, constant, convert, intOp, type Node, select } from './wasm/expression.ts';
import { op } from './wasm/opcodes.ts';
import { node } from './wasm_emitter.ts';

/**
 * An entry for a register: index in CpuState.u64 of its value. With this bit it is PSTATE.DAIF, which stands six bits higher in the
 * register than in its cell.
 */
export const DAIF_ENTRY = 0x8000;
export const DAIF_SHIFT = 6;
/** Entries for operations: nothing to do; nothing where the address can be read; zeroes a block that can be written. */
export const OPERATION_NOTHING = 1;
export const OPERATION_CLEANS = 2;
export const OPERATION_ZEROES = 3;
const ZERO_BLOCK = 64;

/** op1:op2 of MSR (immediate). */
export const DAIF_SET = 0b011_110;
export const DAIF_CLEAR = 0b011_111;

export type Shortcut = 'readSystemRegister' | 'writeSystemRegister' | 'systemOperation' | 'writePstateField';
const SHORTCUTS: ReadonlySet<RuntimeCall> = new Set<Shortcut>([
  'readSystemRegister',
  'writeSystemRegister',
  'systemOperation',
  'writePstateField',
]);
export const hasShortcut = (name: RuntimeCall): name is Shortcut => SHORTCUTS.has(name);

const loadCell = (code: CodeBuffer, cell: StateCell): Node => {
  code.i32(0);
  code.memory(op.i32Load, CELL[cell]);
  return code.keepTop(32);
};
const low = (of: Value): Node => convert(32, op.i32WrapI64, node(of));
const shifted = (of: Node, count: number) => intOp('shl', of, constant(32, count));

/** The table's entry for an encoding. */
function entryOf(code: CodeBuffer, name: Shortcut, encoding: Value): Node {
  const [offset, mask] =
    name === 'readSystemRegister'
      ? [0, 0x7fff]
      : name === 'writeSystemRegister'
        ? [SHORTCUT_WRITES, 0x7fff]
        : [SHORTCUT_OPERATIONS, 0x3fff];
  const index = shifted(intOp('and', low(encoding), constant(32, mask)), 1);
  code.emit(intOp('add', loadCell(code, 'shortcuts'), index));
  code.memory(op.i32Load16U, offset);
  return code.keepTop(32);
}

/** Op0 3, op1 3, CRn 4, CRm 2, op2 1. */
const DAIF_ENCODING = 0xda11;

/** Whether an encoding is DAIF's: in an entry that a decoded record's encoding leads to, only the entry knows. */
const mayBeDaif = (encoding: Value): boolean => {
  const of = node(encoding);
  return of.kind !== 'constant' || of.value === DAIF_ENCODING;
};
const cellOf = (entry: Node, daif: boolean): Node =>
  shifted(daif ? intOp('and', entry, constant(32, DAIF_ENTRY - 1)) : entry, 3);

/**
 * Emits a call's shortcut. `leaveIf` emits a way out, for where the machine must be called: taken if the condition is not zero,
 * before anything has happened. Returns the result of a read.
 */
export function emitShortcut(
  code: CodeBuffer,
  name: Shortcut,
  args: readonly Value<64>[],
  leaveIf: (condition: Node) => void,
): Node | undefined {
  if (name === 'writePstateField') {
    emitPstateField(code, low(args[0]), low(args[1]), leaveIf);
    return undefined;
  }
  const [encoding, argument] = args;
  const entry = entryOf(code, name, encoding);
  leaveIf(intOp('eqz', entry));
  const daif = mayBeDaif(encoding);
  switch (name) {
    case 'readSystemRegister': {
      code.emit(cellOf(entry, daif));
      code.memory(op.i64Load, 0);
      if (!daif) return code.keepTop(64);
      const shift = intOp('mul', intOp('shrU', entry, constant(32, 15)), constant(32, DAIF_SHIFT));
      code.emit(convert(64, op.i64ExtendI32U, shift));
      code.int('shl', 64);
      return code.keepTop(64);
    }
    case 'writeSystemRegister':
      if (daif) {
        code.emit(intOp('shrU', entry, constant(32, 15)));
        code.open(op.if);
        leaveIf(intOp('eqz', loadCell(code, 'quiet')));
        storeDaif(
          code,
          intOp('and', intOp('shrU', low(argument), constant(32, DAIF_SHIFT)), constant(32, 15)),
        );
        code.else();
      }
      code.emit(cellOf(entry, false));
      code.emit(node(argument));
      code.memory(op.i64Store, 0);
      if (daif) code.close();
      return undefined;
    case 'systemOperation':
      emitOperation(code, entry, code.keep(node(argument)), leaveIf);
      return undefined;
  }
}

function storeDaif(code: CodeBuffer, of: Node): void {
  code.i32(0);
  code.emit(of);
  code.memory(op.i32Store, CELL.daif);
}

/** MSR DAIFSet and DAIFClr. */
function emitPstateField(code: CodeBuffer, of: Node, value: Node, leaveIf: (condition: Node) => void): void {
  const field = code.keep(of);
  // They differ in the lowest two bits.
  const isSet = intOp('eq', field, constant(32, DAIF_SET));
  const isClear = intOp('eq', field, constant(32, DAIF_CLEAR));
  leaveIf(intOp('eqz', intOp('and', intOp('or', isSet, isClear), loadCell(code, 'quiet'))));
  const daif = loadCell(code, 'daif');
  const bits = code.keep(value);
  const without = intOp('and', daif, intOp('xor', bits, constant(32, -1)));
  storeDaif(code, select(isSet, intOp('or', daif, bits), without));
}

/** A cache line's address, or a block's: looked up as a load's or a store's. */
function emitOperation(code: CodeBuffer, kind: Node, va: Node, leaveIf: (condition: Node) => void): void {
  const done = code.open(op.block);
  code.emit(intOp('eq', kind, constant(32, OPERATION_NOTHING)));
  code.branchIf(done);
  const offset = intOp(
    'and',
    convert(32, op.i32WrapI64, intOp('shrU', va, constant(64, 12 - Math.log2(DATA_TLB_ENTRY)))),
    constant(32, (DATA_TLB_ENTRIES - 1) * DATA_TLB_ENTRY),
  );
  const entry = code.keep(intOp('add', offset, loadCell(code, 'tlb')));
  const misses = (tagAt: number) => {
    code.emit(entry);
    code.memory(op.i64Load, tagAt);
    return intOp('ne', code.keepTop(64), intOp('and', va, constant(64, ~0xfffn)));
  };
  code.emit(intOp('eq', kind, constant(32, OPERATION_CLEANS)));
  code.open(op.if);
  leaveIf(misses(0));
  code.branch(done);
  code.close();
  leaveIf(misses(8));
  code.emit(entry);
  code.memory(op.i64Load, 24);
  // Where unaligned accesses are not allowed it may be a device.
  leaveIf(intOp('eqz', intOp('ltS', intOp('add', code.keepTop(64), va), constant(64, 0))));
  pushPoolDelta(code, entry);
  const first = inPool(code, va, code.keepTop(code.poolWidth));
  const block = code.keep(intOp('and', first, constant(code.poolWidth, -ZERO_BLOCK)));
  for (let at = 0; at < ZERO_BLOCK; at += 8) {
    code.emit(block);
    code.i64(0);
    code.pool(op.i64Store, at);
  }
  code.close();
}

/** Whether a region may hold the call, which then leaves it while there is no entry: not for what hardly ever gets one. */
export function regionHolds(name: RuntimeCall, operands: readonly (number | undefined)[]): boolean {
  const [first] = operands;
  if (first === undefined) return false;
  switch (name) {
    case 'readSystemRegister':
      return READ_IN_REGIONS.has(first);
    case 'writeSystemRegister':
      return WRITTEN_IN_REGIONS.has(first);
    case 'writePstateField':
      return first === DAIF_SET || first === DAIF_CLEAR;
    case 'systemOperation':
      return OPERATIONS_IN_REGIONS.has(first);
    default:
      return false;
  }
}

const encodingsOf = (names: readonly string[]): ReadonlySet<number> =>
  new Set(names.map((name) => registerNamed(name)!.encoding));
const THREAD_REGISTERS = ['SP_EL0', 'TPIDR_EL0', 'TPIDRRO_EL0', 'TPIDR_EL1', 'TPIDR_EL2', 'DAIF'];
const EXCEPTION_REGISTERS = [1, 2].flatMap((el) => [
  `ELR_EL${el}`,
  `SPSR_EL${el}`,
  `ESR_EL${el}`,
  `FAR_EL${el}`,
]);
const READ_IN_REGIONS = encodingsOf([
  ...THREAD_REGISTERS,
  ...EXCEPTION_REGISTERS,
  ...[
    'HPFAR_EL2',
    'CurrentEL',
    'CTR_EL0',
    'DCZID_EL0',
    'MIDR_EL1',
    'MPIDR_EL1',
    'CNTFRQ_EL0',
    'CONTEXTIDR_EL1',
  ],
]);
const WRITTEN_IN_REGIONS = encodingsOf([...THREAD_REGISTERS, ...EXCEPTION_REGISTERS, 'CONTEXTIDR_EL1']);
const OPERATIONS_IN_REGIONS = new Set(
  SYSTEM_OPERATIONS.filter(({ does: { kind } }) => kind === 'dc zva' || kind === 'none' || kind === 'dc').map(
    ({ encoding }) => encoding,
  ),
);
