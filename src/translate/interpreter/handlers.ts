/**
 * The interpreter's WebAssembly module: one dispatch loop, one handler per row, shape and variant, and some for two instructions
 * (pairs.ts). Handlers of the base instructions are in the loop itself; those on SIMD and floating-point registers, of the extensions,
 * and rare ones, are functions of their own (handler_functions.ts): there are too many of them for one function, and most guests need few.
 */
import type { Emitter } from '../../isa/emitter.ts';
import { type Row, usesVectors } from '../../isa/row.ts';
import type { Detail } from '../detail.ts';
import { FIRST_SLOT_HANDLER, MEMORY_PAGES } from '../layout.ts';
import { importPool, type PoolWidth } from '../pool.ts';
import { REGION_SIGNATURE } from '../region/signature.ts';
import { type CodeBuffer, constant, intOp, local } from '../wasm/expression.ts';
import { ModuleBuilder } from '../wasm/module.ts';
import { I32 } from '../wasm/opcodes.ts';
import { advance, dispatchLoop, FIRST_ROW_HANDLER, step } from './dispatch_loop.ts';
import { InterpreterEmitter } from './emitter.ts';
import {
  FRAME,
  FRAME_LOCALS,
  type Frame,
  type HandlerUse,
  type Imports,
  LABELS,
  newCode,
  TEMPORARIES,
  type Variant,
} from './frame.ts';
import { FREQUENT_PAIRS, type Pair } from './pairs.ts';
import { RARE_ROWS } from './rare_rows.ts';
import { type Shape, shapesOf } from './shapes.ts';
import { addDigestFunctions } from './state_digest.ts';

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
export const MOST_REGIONS = 8192;
/** Place of the first region in the table. */
export const FIRST_REGION = MOST_HANDLER_FUNCTIONS;

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
