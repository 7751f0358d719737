/**
 * The dispatch loop, which is the interpreter's function `run`.
 *
 * `run` executes decoded records from state cell `ip` on until the budget is used up, the next instruction is not decoded
 * through the fetch TLB, or TypeScript redirected execution and did not set cell `goesOn`. It returns 1 in the last case: then
 * TypeScript has set `pc`, and the instruction that redirected is still in the budget. Otherwise it returns 0 with `pc` set and
 * `budget` up to date.
 */
import { CELL, type StateCell } from '../../cpu/state.ts';
import type { Detail } from '../detail.ts';
import {
  DECODED_BASE,
  FETCH_GUARDED,
  FETCH_TLB_ENTRIES,
  FETCH_TLB_ENTRY,
  FIRST_SLOT_HANDLER,
  RECORD_OPERANDS,
  RECORD_SIZE,
  SLOT_BASE,
  SLOT_COUNTER,
  SLOT_NEED,
  SLOT_REGION,
  SLOT_SIZE,
} from '../layout.ts';
import type { PoolWidth } from '../pool.ts';
import { type CodeBuffer, constant, convert, intOp, local, type Node } from '../wasm/expression.ts';
import { op } from '../wasm/opcodes.ts';
import { InterpreterEmitter } from './emitter.ts';
import {
  FRAME,
  FRAME_INDICES,
  type Frame,
  type Imports,
  LABELS,
  newCode,
  pointers,
  SCRATCH_FRAME,
  savedCells,
} from './frame.ts';
import type { DigestFunctions } from './state_digest.ts';

/** Records with handler 0 are not decoded yet; 1 stands behind a page's last instruction; 2 is UNDEFINED. */
export const HANDLER_DECODE = 0;
export const HANDLER_PAGE_END = 1;
export const HANDLER_UNDEFINED = 2;
export const FIRST_ROW_HANDLER = 3;

/** The first so many places are for those that use no vectors: nothing traps them. */
export const MOST_EXTENSION_FUNCTIONS = 2048;

/** ip to the next record. */
export function step(code: CodeBuffer, frame: Frame): void {
  code.emit(intOp('add', local(frame.ip), constant(32, RECORD_SIZE)));
  code.set(frame.ip);
}
/** ip to the next record, and on. */
export function advance(code: CodeBuffer, frame: Frame): void {
  step(code, frame);
  code.branch(frame.next);
}

/**
 *     exhausted: { dispatch: loop { next: { jump: { redirected: { handlers … } redirected code } jump code } next code } } leaving code
 */
export function dispatchLoop(
  bodies: readonly Uint8Array[],
  detail: Detail,
  imports: Imports & { readonly decode: number; readonly hot: number },
  types: { readonly handler: number; readonly region: number },
  digest: DigestFunctions | undefined,
  poolWidth: PoolWidth,
): Uint8Array {
  const code = newCode(poolWidth);
  const loadState = (cell: StateCell, to: number) => {
    code.i32(0);
    code.memory(op.i32Load, CELL[cell]);
    code.set(to);
  };
  const storeState = (cell: StateCell, of: Node) => {
    code.i32(0);
    code.emit(of);
    code.memory(of.width === 64 ? op.i64Store : op.i32Store, CELL[cell]);
  };
  const { ip, budget, target } = FRAME_INDICES;
  const allPointers = pointers(SCRATCH_FRAME, detail);
  const leave = (result: number) => {
    for (const [cell, from] of allPointers) storeState(cell, local(from));
    code.i32(result);
    code.byte(op.return);
  };

  for (const [cell, to] of [['ip', ip], ['budget', budget], ...allPointers] as const) loadState(cell, to);

  for (const label of Object.keys(LABELS)) code.open(label === 'dispatch' ? op.loop : op.block);
  const { dispatch, next, jump, redirected } = LABELS;
  /** To the record at `ip`, with nothing executed. By way of `next`: where a loop has one way back, V8 moves no register on it. */
  const again = () => {
    code.emit(intOp('add', local(budget), constant(32, 1)));
    code.set(budget);
    code.branch(next);
  };

  const firstOfVectors = FIRST_ROW_HANDLER + bodies.length + MOST_EXTENSION_FUNCTIONS;
  const fixed: ((code: CodeBuffer) => void)[] = [];
  fixed[HANDLER_DECODE] = () => {
    storeState('ip', local(ip));
    storeState('budget', local(budget));
    code.get(ip);
    code.call(imports.decode);
    again();
  };
  fixed[HANDLER_PAGE_END] = () => {
    emitPc(code, ip);
    code.set(target);
    code.emit(intOp('add', local(budget), constant(32, 1)));
    code.set(budget);
    code.branch(jump);
  };
  fixed[HANDLER_UNDEFINED] = () => {
    const emitter = new InterpreterEmitter(code, FRAME, imports, detail, { near: false, stack: false });
    emitter.call('undefinedInstruction');
    advance(code, FRAME);
  };
  const handlers = [
    ...fixed,
    ...bodies.map((body) => (into: CodeBuffer) => into.append(body)),
    // A function, whose number is in `target`.
    (into: CodeBuffer) => {
      into.i32(0);
      into.memory(op.i32Load, CELL.vectorsTrapped);
      into.open(op.if);
      const number = convert(32, op.i32WrapI64, local(target, 64));
      into.emit(intOp('ltU', constant(32, firstOfVectors - 1), number));
      into.open(op.if);
      const variant = { near: false, stack: false };
      new InterpreterEmitter(into, FRAME, imports, detail, variant).call('vectorsTrapped');
      into.close();
      into.close();
      const saved = savedCells(detail);
      for (const [cell, from] of saved) storeState(cell, local(from));
      into.get(ip);
      into.emit(convert(32, op.i32WrapI64, local(target, 64)));
      into.i32(FIRST_ROW_HANDLER + bodies.length);
      into.int('sub', 32);
      into.byte(op.callIndirect);
      into.unsigned(types.handler);
      into.byte(0);
      for (const [cell, to] of saved) loadState(cell, to);
      into.branchIf(redirected);
      advance(into, FRAME);
    },
  ];

  const labels = handlers.map(() => code.open(op.block));
  const functions = labels[labels.length - 1];
  const special = code.open(op.block);
  const dispatchTo = (otherwise: number) => {
    code.byte(op.brTable);
    code.unsigned(labels.length - 1);
    for (const label of [...labels.slice(0, -1), otherwise]) code.unsigned(code.depth - label);
  };
  const pushHandler = () => {
    code.get(ip);
    code.memory(op.i32Load16U, 0);
  };
  if (digest) foldState(digest);
  pushHandler();
  dispatchTo(special);

  // Not in the loop: a function, or a slot.
  code.close();
  pushHandler();
  const number = code.keepTop(32);
  const setFunction = (handler: Node) => {
    code.emit(convert(64, op.i64ExtendI32U, handler));
    code.set(target);
  };
  setFunction(number);
  code.emit(intOp('ltU', number, constant(32, FIRST_SLOT_HANDLER)));
  code.branchIf(functions);
  const slot = intOp('sub', number, constant(32, FIRST_SLOT_HANDLER));
  const info = code.keep(intOp('add', intOp('mul', slot, constant(32, SLOT_SIZE)), constant(32, SLOT_BASE)));
  const field = (opcode: number, offset: number) => {
    code.emit(info);
    code.memory(opcode, offset);
    return code.keepTop(32);
  };
  code.emit(intOp('ltS', local(budget), field(op.i32Load, SLOT_NEED)));
  code.open(op.if);
  countExecution();
  code.else();
  enterRegion();
  code.close();
  const own = field(op.i32Load16U, 0);
  setFunction(own);
  code.emit(own);
  dispatchTo(functions);

  /** Before an instruction: a record that is not decoded comes here again, and one behind a page's end is none. */
  function foldState({ state, vectors }: DigestFunctions): void {
    pushHandler();
    const handler = code.keepTop(32);
    const isAbove = (limit: number) => intOp('ltU', constant(32, limit), handler);
    code.get(ip);
    code.memory(op.i32Load8U, RECORD_OPERANDS);
    const isUndefined = intOp('eq', handler, constant(32, HANDLER_UNDEFINED));
    const undefinedOnVectors = intOp('and', isUndefined, code.keepTop(32));
    code.emit(intOp('or', isAbove(firstOfVectors - 1), undefinedOnVectors));
    code.open(op.if);
    code.call(vectors);
    code.close();
    code.emit(isAbove(HANDLER_PAGE_END));
    code.open(op.if);
    emitPc(code, ip);
    code.call(state);
    code.close();
  }
  function countExecution(): void {
    code.emit(info);
    code.emit(intOp('sub', field(op.i32Load, SLOT_COUNTER), constant(32, 1)));
    code.memory(op.i32Store, SLOT_COUNTER);
    code.emit(intOp('eqz', field(op.i32Load, SLOT_COUNTER)));
    code.open(op.if);
    code.get(ip);
    code.call(imports.hot);
    again();
    code.close();
  }
  /** Falls through where the region left at its first instruction: it is not tried again at once. */
  function enterRegion(): void {
    for (const [cell, from] of allPointers) storeState(cell, local(from));
    const before = code.temporary(32);
    code.get(budget);
    code.set(before.index);
    code.get(budget);
    code.emit(info);
    code.memory(op.i32Load16U, SLOT_REGION);
    code.byte(op.callIndirect);
    code.unsigned(types.region);
    code.byte(0);
    code.set(ip);
    for (const [cell, to] of [['budget', budget], ...allPointers] as const) loadState(cell, to);
    code.emit(intOp('eqz', local(ip)));
    code.open(op.if);
    code.i32(0);
    code.memory(op.i64Load, CELL.pc);
    code.set(target);
    code.branch(jump);
    code.close();
    code.emit(intOp('ne', local(budget), before));
    code.open(op.if);
    again();
    code.close();
  }

  for (const handler of handlers.reverse()) {
    code.close();
    code.releaseTemporaries();
    handler(code);
  }

  // redirected: by an exception or a return, behind which the slice may go on; the instruction is still in the budget.
  code.close();
  code.releaseTemporaries();
  code.i32(0);
  code.memory(op.i32Load, CELL.goesOn);
  code.emit(intOp('eqz', code.keepTop(32)));
  code.open(op.if);
  leave(1);
  code.close();
  loadState('budget', budget);
  code.i32(0);
  code.memory(op.i64Load, CELL.pc);
  code.set(target);

  // jump: to the address in `target`, through the fetch TLB.
  code.close();
  code.releaseTemporaries();
  const address = local(target, 64);
  const index = intOp(
    'and',
    convert(32, op.i32WrapI64, intOp('shrU', address, constant(64, 12))),
    constant(32, FETCH_TLB_ENTRIES - 1),
  );
  code.i32(0);
  code.memory(op.i32Load, CELL.fetchTlb);
  const bank = code.keepTop(32);
  const entry = code.keep(intOp('add', intOp('shl', index, constant(32, Math.log2(FETCH_TLB_ENTRY))), bank));
  const recordsOfEntry = () => {
    code.emit(entry);
    code.memory(op.i32Load, 8);
    return code.keepTop(32);
  };
  /** Cell pcBase of the page with these records. */
  const baseOf = (records: Node): Node => {
    const quarter = convert(64, op.i64ExtendI32U, intOp('shrU', records, constant(32, 2)));
    return intOp('sub', intOp('and', address, constant(64, ~0xfffn)), quarter);
  };
  // The tag of a guarded page is found second, and not by the instruction behind an indirect branch, which must be a landing pad:
  // TypeScript looks.
  code.emit(entry);
  code.memory(op.i64Load, 0);
  const tag = code.keepTop(64);
  const wanted = code.keep(intOp('and', address, constant(64, ~0xffcn)));
  const found = code.open(op.block);
  code.emit(intOp('eq', tag, wanted));
  code.branchIf(found);
  code.emit(intOp('eq', tag, intOp('or', wanted, constant(64, FETCH_GUARDED))));
  code.open(op.if);
  code.i32(0);
  code.memory(op.i32Load, CELL.branched);
  code.emit(constant(32, 2));
  code.int('shrU', 32);
  code.get(budget);
  code.int('ne', 32);
  code.open(op.if);
  storeState('guardedBase', baseOf(recordsOfEntry()));
  code.branch(found);
  code.close();
  code.close();
  storeState('pc', address);
  storeState('budget', intOp('sub', local(budget), constant(32, 1)));
  leave(0);
  code.close();
  const page = recordsOfEntry();
  storeState('pcBase', baseOf(page));
  const offset = intOp(
    'shl',
    intOp('and', convert(32, op.i32WrapI64, address), constant(32, 0xffc)),
    constant(32, 2),
  );
  code.emit(intOp('add', page, offset));
  code.set(ip);

  // next: one instruction done, `ip` is at the next record.
  code.close();
  code.releaseTemporaries();
  code.emit(intOp('sub', local(budget), constant(32, 1)));
  code.tee(budget);
  code.branchIf(dispatch);
  code.close();
  code.close();
  // exhausted:
  emitPc(code, ip);
  code.set(target);
  storeState('pc', local(target, 64));
  storeState('budget', local(budget));
  leave(0);
  code.byte(op.unreachable);
  return code.toBytes();
}

/** Pushes the address of the instruction whose record is at `ip`. */
function emitPc(code: CodeBuffer, ip: number): void {
  code.i32(0);
  code.memory(op.i64Load, CELL.pcBase);
  code.emit(convert(64, op.i64ExtendI32U, intOp('shrU', local(ip), constant(32, 2))));
  code.int('add', 64);
}

if (DECODED_BASE % RECORD_SIZE !== 0) throw new Error('decoded records must be aligned to their size');
