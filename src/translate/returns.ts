/**
 * ERET without leaving translated code, where the machine returned to the same PSTATE before and nothing that decides what a return does
 * has changed.
 *
 * What a return makes of PSTATE, and of what follows from it, depends on SPSR_ELx, the exception level, PSTATE.SP and the controls
 * of translation and traps, and not on the address. So memory 0 has a table of returns: machine/returns.ts fills an entry in when the
 * machine was called for one. Cell `contexts` counts the changes of controls: an entry of another count is none. Cell `returns` is 1
 * while a return needs nothing else: no interrupt can be pending, no debug exception, no event to record, no counter that counts at
 * some levels only.
 */
import { CELL, type StateCell } from '../cpu/state.ts';
import { slotOf } from '../cpu/sysregs/table.ts';
import { RETURN_BASE, RETURN_ENTRY } from './layout.ts';
import { type CodeBuffer, constant, convert, intOp, local, type Node, select } from './wasm/expression.ts';
import { op } from './wasm/opcodes.ts';

/**
 * An entry: +0 the tag, +4 all ones where addresses of the upper half are returned to (one without a tag keeps its top byte,
 * whatever becomes of tags), +8 the count of contexts that it is good in, +16 where the stack pointer that is left is to wait, +20 where
 * the next one waits, +24 whether the next level is above EL0; from RETURN_CELLS on the low words of RETURNED.
 */
export const RETURN_UPPER = 4;
export const RETURN_CONTEXT = 8;
export const RETURN_STACK_FROM = 16;
export const RETURN_STACK_TO = 20;
export const RETURN_ABOVE_EL0 = 24;
export const RETURN_CELLS = 28;
/** What a return sets besides flags, stack pointer and address. */
export const RETURNED = [
  ...(['el', 'spsel', 'daif', 'il', 'ss', 'pan', 'uao', 'btype', 'dit', 'ssbs'] as const),
  ...(['tlb', 'tlbUnprivileged', 'fetchTlb', 'vectorsTrapped', 'shortcuts'] as const),
] as const satisfies readonly StateCell[];
if (RETURN_CELLS + 4 * RETURNED.length > RETURN_ENTRY)
  throw new Error('an entry of the table of returns is too small');

/** SPSR_ELx without NZCV, in whose place PSTATE.SP stands. */
const TAGGED = 0x0fff_ffff;
const SPSEL_SHIFT = 28;
export const returnTag = (spsr: number, spsel: number): number => (spsr & TAGGED) | (spsel << SPSEL_SHIFT);

/** Entries by the level that is left, EL1 or EL2, and SPSR_ELx.M. */
const ENTRIES_A_LEVEL = 16;
export const returnEntry = (el: number, spsr: number): number =>
  RETURN_BASE + ((el - 1) * ENTRIES_A_LEVEL + (spsr & 15)) * RETURN_ENTRY;

const [SPSR_EL1, SPSR_EL2, ELR_EL1, ELR_EL2] = ['SPSR_EL1', 'SPSR_EL2', 'ELR_EL1', 'ELR_EL2'].map(
  (name) => 8 * slotOf(name),
);

/** Emits the shortcut: branches to label `jump` with the address in local `target`, or falls through, and nothing has happened. */
export function emitReturn(code: CodeBuffer, budget: number, target: number, jump: number): void {
  const called = code.open(op.block);
  const callIf = (condition: Node) => {
    code.emit(condition);
    code.branchIf(called);
  };
  const load = (of: Node, offset: number, width: 32 | 64 = 32) => {
    code.emit(of);
    code.memory(width === 64 ? op.i64Load : op.i32Load, offset);
    return code.keepTop(width);
  };
  const cell = (name: StateCell) => load(constant(32, 0), CELL[name]);
  const store = (name: StateCell, of: Node) => {
    code.i32(0);
    code.emit(of);
    code.memory(of.width === 64 ? op.i64Store : op.i32Store, CELL[name]);
  };
  const shifted = (of: Node, by: number) => intOp('shl', of, constant(32, by));
  const bit = (of: Node, n: number) => intOp('and', intOp('shrU', of, constant(32, n)), constant(32, 1));
  const inSignBit = (of: Node) => intOp('shl', convert(64, op.i64ExtendI32U, of), constant(64, 63));

  callIf(intOp('eqz', cell('returns')));
  // The last instruction of a slice ends it as others do that are redirected.
  callIf(intOp('eq', local(budget), constant(32, 1)));
  const fromEl2 = intOp('sub', cell('el'), constant(32, 1));
  const register = (el1: number, el2: number): Node => select(fromEl2, constant(32, el2), constant(32, el1));
  const spsr = load(register(SPSR_EL1, SPSR_EL2), 0);
  const number = intOp('add', shifted(fromEl2, 4), intOp('and', spsr, constant(32, ENTRIES_A_LEVEL - 1)));
  const entry = code.keep(
    intOp('add', intOp('mul', number, constant(32, RETURN_ENTRY)), constant(32, RETURN_BASE)),
  );
  const tag = intOp('or', intOp('and', spsr, constant(32, TAGGED)), shifted(cell('spsel'), SPSEL_SHIFT));
  callIf(intOp('ne', load(entry, 0), tag));
  const contexts = load(constant(32, 0), CELL.contexts, 64);
  callIf(intOp('ne', load(entry, RETURN_CONTEXT, 64), contexts));
  const address = load(register(ELR_EL1, ELR_EL2), 0, 64);
  callIf(intOp('and', convert(32, op.i32WrapI64, address), constant(32, 3)));
  // Bits 63 to 55: no tag, and a half that the level has.
  const top = code.keep(convert(32, op.i32WrapI64, intOp('shrS', address, constant(64, 55))));
  callIf(intOp('and', intOp('ne', top, constant(32, 0)), intOp('ne', top, load(entry, RETURN_UPPER))));

  code.emit(address);
  code.set(target);
  store('flagN', inSignBit(bit(spsr, 31)));
  store('flagZ', convert(64, op.i64ExtendI32U, intOp('xor', bit(spsr, 30), constant(32, 1))));
  store('flagC', convert(64, op.i64ExtendI32U, bit(spsr, 29)));
  store('flagV', inSignBit(bit(spsr, 28)));
  const stack = load(constant(32, 0), CELL.sp, 64);
  code.emit(load(entry, RETURN_STACK_FROM));
  code.emit(stack);
  code.memory(op.i64Store, 0);
  store('sp', load(load(entry, RETURN_STACK_TO), 0, 64));
  for (const [i, name] of RETURNED.entries()) store(name, load(entry, RETURN_CELLS + 4 * i));
  const aboveEl0 = load(entry, RETURN_ABOVE_EL0);
  store('quiet', aboveEl0);
  store('returns', aboveEl0);
  store('branched', constant(32, 0));
  // Until the jump finds a guarded page.
  store('guardedBase', constant(32, 1));
  store('exclusiveAddress', constant(64, -1));
  store('eventRegister', constant(32, 1));
  code.branch(jump);
  code.close();
}
