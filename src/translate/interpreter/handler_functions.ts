/**
 * The handlers on SIMD and floating-point registers, of extensions, and of rare base instructions: each a function, called by the dispatch
 * loop through its table. Those that every kernel needs are one module, which a build may have left beside the program; any other is a
 * module of its own, made when an instruction first needs it (0.3 ms). None of them appends to the flow: its pointers stay in the
 * loop's locals.
 */

import { CELL } from '../../cpu/state.ts';
import { type Row, usesVectors } from '../../isa/row.ts';
import type { Detail } from '../detail.ts';
import type { PoolWidth } from '../pool.ts';
import { CodeBuffer } from '../wasm/expression.ts';
import { ModuleBuilder } from '../wasm/module.ts';
import { op } from '../wasm/opcodes.ts';
import { MOST_EXTENSION_FUNCTIONS } from './dispatch_loop.ts';
import { FRAME_LOCALS, type Imports, SCRATCH_FRAME, savedCells, scratchCode, type Variant } from './frame.ts';
import { generator, HANDLER_SIGNATURE, type Handler, type HandlerFamily, importHost } from './handlers.ts';
import { type Shape, shapeKey, shapesOf } from './shapes.ts';

/** Handlers made together, before they are needed. */
export interface CommonFunctions {
  /** Of the module: it exports each function under the number of its place in the interpreter's table. */
  readonly bytes: Uint8Array;
  /** All of their rows, by row, then by shape key. */
  readonly families: ReadonlyMap<Row, ReadonlyMap<string, HandlerFamily>>;
}

export class HandlerFunctions {
  readonly #detail: Detail;
  readonly #poolWidth: PoolWidth;
  readonly #firstIndex: number;
  readonly #families = new Map<Row, Map<string, HandlerFamily>>();
  /** In the order in which they were made. Each exports its functions under the numbers of their places in the interpreter's table. */
  readonly modules: WebAssembly.Module[] = [];
  readonly #common: () => CommonFunctions | undefined;
  #commonLooked = false;
  #extensions = 0;
  #onVectors = 0;

  /** `firstIndex` is the number of the first handler that is a function. `common`, asked when a function is first needed: those made before. */
  constructor(
    detail: Detail,
    firstIndex: number,
    poolWidth: PoolWidth = 32,
    common: () => CommonFunctions | undefined = () => undefined,
  ) {
    this.#detail = detail;
    this.#poolWidth = poolWidth;
    this.#firstIndex = firstIndex;
    this.#common = common;
  }

  /** The handlers of one row and shape: made once, for all machines of the process. */
  familyOf(row: Row, shape: Shape): HandlerFamily {
    if (!this.#commonLooked) this.#useCommon();
    const byShape = this.#families.get(row) ?? new Map<string, HandlerFamily>();
    const key = shapeKey(shape);
    const family = byShape.get(key) ?? this.#make(row, shape);
    this.#families.set(row, byShape.set(key, family));
    return family;
  }

  /** Makes those of `rows`, of all shapes. */
  makeCommon(rows: readonly Row[]): CommonFunctions {
    this.#commonLooked = true;
    const module = new ModuleBuilder();
    const imports = importHost(module, this.#poolWidth);
    const families = rows.map((row) => {
      const byShape = [...shapesOf(row)].map(
        ([key, shape]) => [key, this.#addFamily(row, shape, module, imports)] as const,
      );
      return [row, new Map(byShape)] as const;
    });
    return { bytes: module.build(), families: new Map(families) };
  }

  #useCommon(): void {
    this.#commonLooked = true;
    const common = this.#common();
    if (!common) return;
    this.modules.push(new WebAssembly.Module(common.bytes as Uint8Array<ArrayBuffer>));
    for (const [row, byShape] of common.families) {
      this.#families.set(row, new Map(byShape));
      for (const { stack } of byShape.values()) {
        if (usesVectors(row)) this.#onVectors += stack ? 2 : 1;
        else this.#extensions += stack ? 2 : 1;
      }
    }
  }

  #make(row: Row, shape: Shape): HandlerFamily {
    const module = new ModuleBuilder();
    const family = this.#addFamily(row, shape, module, importHost(module, this.#poolWidth));
    this.modules.push(new WebAssembly.Module(module.build()));
    return family;
  }

  #addFamily(row: Row, shape: Shape, module: ModuleBuilder, imports: Imports): HandlerFamily {
    const add = (stack: boolean) => this.#add(row, shape, { near: false, stack }, module, imports);
    const plain = add(false);
    return plain.stackAccess ? { plain, stack: add(true) } : { plain };
  }

  /** The frame's locals are in the state's cells while it is called; it has the same ones, at the same indices, if it uses them. */
  #add(row: Row, shape: Shape, variant: Variant, module: ModuleBuilder, imports: Imports): Handler {
    const generate = generator(row, shape, imports, this.#detail, variant);
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
    const place = usesVectors(row) ? MOST_EXTENSION_FUNCTIONS + this.#onVectors++ : this.#extensions++;
    module.addFunction({
      signature: HANDLER_SIGNATURE,
      locals: { ...used, i32: used.i32 + FRAME_LOCALS - 1 },
      body: code.toBytes(),
      exportName: String(place),
    });
    return { index: this.#firstIndex + place, ...use };
  }
}
