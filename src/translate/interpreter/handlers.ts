/**
 * The interpreter's WebAssembly module: one dispatch loop, one handler per row, shape and variant, and
 * some for two instructions (pairs.ts). Handlers of the base
 * instructions are in the loop itself; those on SIMD and floating-point registers, of the extensions, and rare ones, are functions of
 * their own (handler_functions.ts): there are too many of them for one function, and most guests need few.
 *
 * `run` executes decoded records from state cell `ip` on until the budget is used up, the next instruction is not decoded
 * through the fetch TLB, or TypeScript redirected execution and did not set cell `goesOn`. It returns 1 in the last case: then
 * TypeScript has set `pc`, and the instruction that redirected is still in the budget. Otherwise it returns 0 with `pc` set and
 * `budget` up to date.
 */
import { CELL, type StateCell } from '../../cpu/state.ts';
import type { Emitter } from '../../isa/emitter.ts';
import { type Row, usesVectors } from '../../isa/row.ts';
import { type Detail, records } from '../detail.ts';
import {
  DECODED_BASE,
  FETCH_GUARDED,
  FETCH_TLB_ENTRIES,
  FETCH_TLB_ENTRY,
  FIRST_SLOT_HANDLER,
  MEMORY_PAGES,
  RECORD_OPERANDS,
  RECORD_SIZE,
  SLOT_BASE,
  SLOT_COUNTER,
  SLOT_NEED,
  SLOT_REGION,
  SLOT_SIZE,
} from '../layout.ts';
import { importPool, type PoolWidth } from '../pool.ts';
import { REGION_SIGNATURE } from '../region/signature.ts';
import { CodeBuffer, constant, convert, intOp, local, type Node } from '../wasm/expression.ts';
import { ModuleBuilder } from '../wasm/module.ts';
import { I32, op } from '../wasm/opcodes.ts';
import { InterpreterEmitter } from './emitter.ts';
import type { Frame, HandlerUse, Imports, Variant } from './frame.ts';
import { FREQUENT_PAIRS, type Pair } from './pairs.ts';
import { RARE_ROWS } from './rare_rows.ts';
import { type Shape, shapesOf } from './shapes.ts';
import { addDigestFunctions, type DigestFunctions } from './state_digest.ts';

export interface Handler extends HandlerUse {
  readonly index: number;
}

/** The variants of one row and shape. */
export interface HandlerFamily {
  readonly plain: Handler;
  /** For direct branches that stay in their page. */
  readonly near?: Handler;
  /** For accesses whose base register is SP. */
  readonly stack?: Handler;
}

export interface InterpreterModule {
  readonly bytes: Uint8Array;
  /** Those in the loop, by row, then by shape key. */
  readonly families: ReadonlyMap<Row, ReadonlyMap<string, HandlerFamily>>;
  /** Handlers from this number on are functions in the exported table, in their order. */
  readonly firstFunction: number;
  readonly pairs: readonly Pair[];
}

/** Name of the exported table of functions: of handlers, then of regions. */
export const FUNCTION_TABLE = 'functions';
const MOST_HANDLER_FUNCTIONS = 16_384;
/** The first so many places are for those that use no vectors: nothing traps them. */
export const MOST_EXTENSION_FUNCTIONS = 2048;
export const MOST_REGIONS = 8192;
/** Place of the first region in the table. */
export const FIRST_REGION = MOST_HANDLER_FUNCTIONS;

/** Records with handler 0 are not decoded yet; 1 stands behind a page's last instruction; 2 is UNDEFINED. */
export const HANDLER_DECODE = 0;
export const HANDLER_PAGE_END = 1;
export const HANDLER_UNDEFINED = 2;
const FIRST_ROW_HANDLER = 3;

const TEMPORARIES = 48;
/** Locals: no parameters, then ten i32 of the frame and the i32 temporaries, then `target` and the i64 temporaries. */
export const FRAME_LOCALS = 7;
const TARGET_LOCAL = FRAME_LOCALS + TEMPORARIES;

/** The recording pointers that live in locals while translated code runs. */
const pointers = (frame: Frame, detail: Detail): readonly (readonly [StateCell, number])[] => [
  ...(records(detail, 'flow')
    ? ([
        ['atomPointer', frame.atomPointer],
        ['targetPointer', frame.targetPointer],
      ] as const)
    : []),
  ...(records(detail, 'memory') ? ([['accessPointer', frame.accessPointer]] as const) : []),
  ...(records(detail, 'full')
    ? ([
        ['valuePointer', frame.valuePointer],
        ['registerPointer', frame.registerPointer],
      ] as const)
    : []),
];

/** Whether the row's handlers are in the loop: those of the base instructions but for rare ones, and all that branch. */
export const inLoop = (row: Row): boolean => {
  const base = row.feature === 'base' && !RARE_ROWS.has(row.name);
  return !usesVectors(row) && (base || ((row.pattern.value >>> 26) & 7) === 5);
};

type Generate = (code: CodeBuffer, frame: Frame) => InterpreterEmitter;

/** Emits the code of a row with one shape. */
export function generator(
  row: Row,
  shape: Shape,
  imports: Imports,
  detail: Detail,
  variant: Variant,
): Generate {
  return (code, frame) => {
    const emitter = new InterpreterEmitter(code, frame, imports, detail, variant);
    row.execute!(emitter.operandsOf(row, shape), emitter as Emitter);
    return emitter;
  };
}
/** Parameter: the record's address. Result: 1 where execution was redirected. */
export const HANDLER_SIGNATURE = { parameters: [I32], results: [I32] } as const;

/** Imports the memories and what handlers call. */
export function importHost(module: ModuleBuilder, poolWidth: PoolWidth): Imports {
  module.importMemory({
    module: 'memory',
    name: 'state',
    initial: MEMORY_PAGES,
    maximum: MEMORY_PAGES,
    address: 'i32',
  });
  importPool(module, poolWidth);
  return {
    access: module.importFunction('host', 'access', { parameters: [I32, I32, I32], results: [I32] }),
    runtime: module.importFunction('host', 'runtime', { parameters: [I32], results: [I32] }),
    stackMisaligned: module.importFunction('host', 'stackMisaligned', { parameters: [], results: [I32] }),
    float: module.importFunction('host', 'float', { parameters: [I32], results: [] }),
  };
}

/** `withDigest`: it keeps the digest of state_digest.ts. */
export function buildInterpreter(
  rows: readonly Row[],
  detail: Detail,
  withDigest = false,
  poolWidth: PoolWidth = 32,
): InterpreterModule {
  const module = new ModuleBuilder();
  const imports = importHost(module, poolWidth);
  const decode = module.importFunction('host', 'decode', { parameters: [I32], results: [] });
  const hot = module.importFunction('host', 'hot', { parameters: [I32], results: [] });
  const { families, bodies, generators } = generateFamilies(rows, detail, imports, poolWidth);
  // The digest is of the states before all instructions.
  const pairs = withDigest ? [] : generatePairs(generators, bodies, poolWidth);
  const digest = withDigest ? addDigestFunctions(module) : undefined;
  const body = dispatchLoop(
    bodies,
    detail,
    { ...imports, decode, hot },
    { handler: module.typeIndex(HANDLER_SIGNATURE), region: module.typeIndex(REGION_SIGNATURE) },
    digest,
    poolWidth,
  );
  module.exportTable(FUNCTION_TABLE, MOST_HANDLER_FUNCTIONS + MOST_REGIONS);
  module.addFunction({
    signature: { parameters: [], results: [I32] },
    locals: { i32: FRAME_LOCALS + TEMPORARIES, i64: 1 + TEMPORARIES },
    body,
    exportName: 'run',
  });
  const firstFunction = FIRST_ROW_HANDLER + bodies.length;
  if (firstFunction + MOST_HANDLER_FUNCTIONS > FIRST_SLOT_HANDLER)
    throw new Error(`${firstFunction} handlers in the loop leave no room for functions and slots`);
  return { bytes: module.build(), families, firstFunction, pairs };
}

interface HandlerGenerator {
  readonly index: number;
  readonly generate: Generate;
}

/** The row's name, the key of the shape, and the variant if it is not the plain one: those that there are, with spaces between. */
const handlerName = (row: Row, key: string, { near, stack }: Variant): string =>
  [row.name, key.replace(/,$/, ''), near ? 'near' : '', stack ? 'stack' : ''].filter(Boolean).join(' ');

/** Every handler in the loop: which variants a shape needs is learnt from the plain one. */
function generateFamilies(rows: readonly Row[], detail: Detail, imports: Imports, poolWidth: PoolWidth) {
  const families = new Map<Row, Map<string, HandlerFamily>>();
  const bodies: Uint8Array[] = [];
  const generators = new Map<string, HandlerGenerator>();
  const code = newCode(poolWidth);
  for (const row of rows) {
    if (!row.execute || !inLoop(row)) continue;
    const byShape = new Map<string, HandlerFamily>();
    for (const [key, shape] of shapesOf(row)) {
      const add = (variant: Variant): Handler => {
        const index = FIRST_ROW_HANDLER + bodies.length;
        const generate = generator(row, shape, imports, detail, variant);
        begin(code, index);
        const { use, terminated } = generate(code, FRAME);
        if (!terminated) advance(code, FRAME);
        bodies.push(code.toBytes());
        generators.set(handlerName(row, key, variant), { index, generate });
        return { index, ...use };
      };
      const plain = add({ near: false, stack: false });
      byShape.set(key, {
        plain,
        ...(plain.branches ? { near: add({ near: true, stack: false }) } : {}),
        ...(plain.stackAccess ? { stack: add({ near: false, stack: true }) } : {}),
      });
    }
    families.set(row, byShape);
  }
  return { families, bodies, generators };
}

/** The handlers of pairs, behind the others. */
function generatePairs(
  generators: ReadonlyMap<string, HandlerGenerator>,
  bodies: Uint8Array[],
  poolWidth: PoolWidth,
): Pair[] {
  const code = newCode(poolWidth);
  return FREQUENT_PAIRS.map(([nameOfFirst, nameOfSecond]) => {
    const first = generators.get(nameOfFirst);
    const second = generators.get(nameOfSecond);
    if (!first || !second) throw new Error(`no pair of handlers ${nameOfFirst} and ${nameOfSecond}`);
    const index = FIRST_ROW_HANDLER + bodies.length;
    begin(code, index);
    const { terminated } = first.generate(code, FRAME);
    if (terminated) throw new Error(`${nameOfFirst} branches: nothing follows it`);
    step(code, FRAME);
    code.emit(intOp('sub', local(FRAME.budget), constant(32, 1)));
    code.tee(FRAME.budget);
    code.int('eqz', 32);
    code.branchIf(LABELS.exhausted);
    code.releaseTemporaries();
    if (!second.generate(code, FRAME).terminated) advance(code, FRAME);
    bodies.push(code.toBytes());
    return [first.index, second.index, index];
  });
}

/** For the body of the handler with this number. */
function begin(code: CodeBuffer, index: number): void {
  code.length = 0;
  code.depth = LABELS.redirected + index;
  code.releaseTemporaries();
}

const newCode = (poolWidth: PoolWidth): CodeBuffer =>
  new CodeBuffer(
    { i32: FRAME_LOCALS, i64: TARGET_LOCAL + 1, v128: 0, f32: 0, f64: 0 },
    TEMPORARIES,
    poolWidth,
  );
/** For code that is thrown away. */
export const scratchCode = (poolWidth: PoolWidth): CodeBuffer =>
  new CodeBuffer({ i32: 0, i64: 0, v128: 0, f32: 0, f64: 0 }, 4096, poolWidth);

const FRAME_INDICES = {
  ip: 0,
  budget: 1,
  atomPointer: 2,
  targetPointer: 3,
  accessPointer: 4,
  valuePointer: 5,
  registerPointer: 6,
  target: TARGET_LOCAL,
};
export const SCRATCH_FRAME: Frame = { ...FRAME_INDICES, next: 0, jump: 0, redirected: 0 };
/** Nesting of the loop's blocks. Handler n is the n-th block within them, so that its code does not depend on how many there are. */
const LABELS = { exhausted: 1, dispatch: 2, next: 3, jump: 4, redirected: 5 };
const FRAME: Frame = { ...FRAME_INDICES, ...LABELS };

/** What a called handler may change: the budget, and the recording pointers of accesses, values and registers. */
export const savedCells = (detail: Detail): readonly (readonly [StateCell, number])[] => [
  ['budget', FRAME_INDICES.budget],
  ...pointers(SCRATCH_FRAME, detail).filter(([cell]) => cell !== 'atomPointer' && cell !== 'targetPointer'),
];

/** ip to the next record. */
function step(code: CodeBuffer, frame: Frame): void {
  code.emit(intOp('add', local(frame.ip), constant(32, RECORD_SIZE)));
  code.set(frame.ip);
}
/** ip to the next record, and on. */
function advance(code: CodeBuffer, frame: Frame): void {
  step(code, frame);
  code.branch(frame.next);
}

/**
 *     exhausted: { dispatch: loop { next: { jump: { redirected: { handlers … } redirected code } jump code } next code } } leaving code
 */
function dispatchLoop(
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
