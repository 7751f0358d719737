/**
 * The handlers on SIMD and floating-point registers, of extensions, and of rare base instructions: each a function in a module of
 * its own, made when an instruction first needs it (0.5 ms), and called by the dispatch loop through its table. Their numbers follow
 * from the order in which they were needed. None of them appends to the flow: its pointers stay in the loop's locals.
 */

import { CELL } from '../../cpu/state.ts';
import { type Row, usesVectors } from '../../isa/row.ts';
import type { Detail } from '../detail.ts';
import type { PoolWidth } from '../pool.ts';
import { CodeBuffer } from '../wasm/expression.ts';
import { ModuleBuilder } from '../wasm/module.ts';
import { op } from '../wasm/opcodes.ts';
import type { Variant } from './frame.ts';
import {
  FRAME_LOCALS,
  generator,
  HANDLER_SIGNATURE,
  type Handler,
  type HandlerFamily,
  importHost,
  MOST_EXTENSION_FUNCTIONS,
  SCRATCH_FRAME,
  savedCells,
  scratchCode,
} from './handlers.ts';
import { type Shape, shapeKey } from './shapes.ts';

/** Name of the function that each module exports. */
export const HANDLER_EXPORT = 'handler';

export class HandlerFunctions {
  readonly #detail: Detail;
  readonly #poolWidth: PoolWidth;
  readonly #firstIndex: number;
  readonly #families = new Map<Row, Map<string, HandlerFamily>>();
  /** In the order in which they were made, with their places in the table. */
  readonly modules: { readonly module: WebAssembly.Module; readonly place: number }[] = [];
  #extensions = 0;

  /** `firstIndex` is the number of the first handler that is a function. */
  constructor(detail: Detail, firstIndex: number, poolWidth: PoolWidth = 32) {
    this.#detail = detail;
    this.#poolWidth = poolWidth;
    this.#firstIndex = firstIndex;
  }

  /** The handlers of one row and shape: made once, for all machines of the process. */
  familyOf(row: Row, shape: Shape): HandlerFamily {
    const byShape = this.#families.get(row) ?? new Map<string, HandlerFamily>();
    const key = shapeKey(shape);
    const family = byShape.get(key) ?? this.#make(row, shape);
    this.#families.set(row, byShape.set(key, family));
    return family;
  }

  #make(row: Row, shape: Shape): HandlerFamily {
    const plain = this.#add(row, shape, { near: false, stack: false });
    return plain.stackAccess
      ? { plain, stack: this.#add(row, shape, { near: false, stack: true }) }
      : { plain };
  }

  /** The frame's locals are in the state's cells while it is called; it has the same ones, at the same indices, if it uses them. */
  #add(row: Row, shape: Shape, variant: Variant): Handler {
    const module = new ModuleBuilder();
    const generate = generator(row, shape, importHost(module, this.#poolWidth), this.#detail, variant);
    const trial = scratchCode(this.#poolWidth);
    const { use } = generate(trial, SCRATCH_FRAME);
    if (use.decides || use.branches)
      throw new Error(`${row.name}: what decides or branches stands in the loop`);
    const { used } = trial;
    // `target` is not used; its place is the first i64's.
    const i32 = FRAME_LOCALS;
    const i64 = i32 + used.i32;
    const v128 = i64 + used.i64;
    const f32 = v128 + used.v128;
    const code = new CodeBuffer({ i32, i64, v128, f32, f64: f32 + used.f32 }, 4096, this.#poolWidth);
    const saved = use.frame ? savedCells(this.#detail) : [];
    for (const [cell, to] of saved) {
      code.i32(0);
      code.memory(op.i32Load, CELL[cell]);
      code.set(to);
    }
    const leave = (result: 0 | 1) => {
      for (const [cell, from] of saved) {
        // What redirected was a call out, before which the cells were stored: they are newer than the locals now.
        if (result === 1 && cell !== 'registerPointer') continue;
        code.i32(0);
        code.get(from);
        code.memory(op.i32Store, CELL[cell]);
      }
      code.i32(result);
    };
    const redirected = code.open(op.block);
    generate(code, { ...SCRATCH_FRAME, redirected });
    leave(0);
    code.byte(op.return);
    code.close();
    leave(1);
    module.addFunction({
      signature: HANDLER_SIGNATURE,
      locals: { ...used, i32: used.i32 + FRAME_LOCALS - 1 },
      body: code.toBytes(),
      exportName: HANDLER_EXPORT,
    });
    const place = usesVectors(row)
      ? MOST_EXTENSION_FUNCTIONS + this.modules.length - this.#extensions
      : this.#extensions++;
    this.modules.push({ module: new WebAssembly.Module(module.build()), place });
    return { index: this.#firstIndex + place, ...use };
  }
}
