/** Assembles a WebAssembly module (WebAssembly core specification, 5.5). */
import { ByteBuffer } from './bytes.ts';
import type { LocalCounts } from './expression.ts';
import { F32, F64, I32, I64, V128, type ValueType } from './opcodes.ts';

export interface Signature {
  readonly parameters: readonly ValueType[];
  readonly results: readonly ValueType[];
}

/** Memory 0 holds CPU state, caches and trace buffers; memory 1 is the pool of guest pages. */
export interface MemoryImport {
  readonly module: string;
  readonly name: string;
  /** In pages of 64 KiB. */
  readonly initial: number;
  readonly maximum: number;
  readonly address: 'i32' | 'i64';
}

/** Code of one function: its locals beyond the parameters, and its body without the final `end`. */
export interface FunctionCode {
  readonly signature: Signature;
  readonly locals: Partial<LocalCounts>;
  readonly body: Uint8Array;
  readonly exportName?: string;
}

/** At most so many bytes of a function beside its body: sizes, groups of locals, the end. */
const FUNCTION_HEAD = 32;

const sameTypes = (a: readonly ValueType[], b: readonly ValueType[]) =>
  a === b || (a.length === b.length && a.every((type, n) => type === b[n]));
const sameSignature = (a: Signature, b: Signature) =>
  a === b || (sameTypes(a.parameters, b.parameters) && sameTypes(a.results, b.results));

export class ModuleBuilder {
  readonly #memories: MemoryImport[] = [];
  readonly #imports: { module: string; name: string; signature: Signature }[] = [];
  readonly #functions: FunctionCode[] = [];
  readonly #types: Signature[] = [];
  #table: { readonly exportName: string; readonly size: number } | undefined;

  importMemory(memory: MemoryImport): void {
    this.#memories.push(memory);
  }

  /** Returns the function's index. All imports come before the first function. */
  importFunction(module: string, name: string, signature: Signature): number {
    if (this.#functions.length > 0) throw new Error(`import ${name} after a function`);
    this.#imports.push({ module, name, signature });
    return this.#imports.length - 1;
  }

  /** Returns the function's index. */
  addFunction(code: FunctionCode): number {
    this.#functions.push(code);
    return this.#imports.length + this.#functions.length - 1;
  }

  /** The index of a function type, for indirect calls. */
  typeIndex(signature: Signature): number {
    const known = this.#types.findIndex((type) => sameSignature(type, signature));
    return known < 0 ? this.#types.push(signature) - 1 : known;
  }

  /** The module's one table, of functions for indirect calls: empty places for whoever instantiates it to fill. */
  exportTable(exportName: string, size: number): void {
    this.#table = { exportName, size };
  }

  build(): Uint8Array {
    const types = this.#types;
    const typeOf = (signature: Signature): number => this.typeIndex(signature);
    const imports = section((out) => {
      out.unsigned(this.#memories.length + this.#imports.length);
      for (const { module, name, initial, maximum, address } of this.#memories) {
        out.name(module);
        out.name(name);
        out.byte(2);
        out.byte(address === 'i64' ? 7 : 3);
        out.unsigned(initial);
        out.unsigned(maximum);
      }
      for (const { module, name, signature } of this.#imports) {
        out.name(module);
        out.name(name);
        out.byte(0);
        out.unsigned(typeOf(signature));
      }
    });
    const functions = section((out) => {
      out.unsigned(this.#functions.length);
      for (const { signature } of this.#functions) out.unsigned(typeOf(signature));
    });
    const exported = this.#functions.flatMap(({ exportName }, i) => (exportName ? [{ exportName, i }] : []));
    const exports = section((out) => {
      out.unsigned(exported.length + (this.#table ? 1 : 0));
      if (this.#table) {
        out.name(this.#table.exportName);
        out.byte(1);
        out.unsigned(0);
      }
      for (const { exportName, i } of exported) {
        out.name(exportName);
        out.byte(0);
        out.unsigned(this.#imports.length + i);
      }
    });
    const tables = section((out) => {
      out.unsigned(this.#table ? 1 : 0);
      if (!this.#table) return;
      out.append([0x70, 0]);
      out.unsigned(this.#table.size);
    });
    const codeBytes = this.#functions.reduce((sum, { body }) => sum + body.length + FUNCTION_HEAD, 0);
    const code = section((out) => {
      out.unsigned(this.#functions.length);
      for (const { locals, body } of this.#functions) {
        const head = new ByteBuffer();
        const groups = [
          [locals.i32 ?? 0, I32],
          [locals.i64 ?? 0, I64],
          [locals.v128 ?? 0, V128],
          [locals.f32 ?? 0, F32],
          [locals.f64 ?? 0, F64],
        ].filter(([count]) => count > 0);
        head.unsigned(groups.length);
        for (const [count, type] of groups) {
          head.unsigned(count);
          head.byte(type);
        }
        out.unsigned(head.length + body.length + 1);
        out.append(head.toBytes());
        out.append(body);
        out.byte(0x0b);
      }
    }, codeBytes);
    const typeSection = section((out) => {
      out.unsigned(types.length);
      for (const { parameters, results } of types) {
        out.byte(0x60);
        for (const list of [parameters, results]) {
          out.unsigned(list.length);
          out.append(list);
        }
      }
    });
    // Function names, for profilers (WebAssembly core specification, 7.4.1).
    const names = section((out) => {
      out.name('name');
      const list = new ByteBuffer();
      list.unsigned(exported.length);
      for (const { exportName, i } of exported) {
        list.unsigned(this.#imports.length + i);
        list.name(exportName);
      }
      out.byte(1);
      out.unsigned(list.length);
      out.append(list.toBytes());
    });
    const module = new ByteBuffer(code.length + 4096);
    module.append([0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00]);
    const sections: [number, Uint8Array][] = [
      [1, typeSection],
      [2, imports],
      [3, functions],
      [4, tables],
      [7, exports],
      [10, code],
      [0, names],
    ];
    for (const [id, bytes] of sections) {
      module.byte(id);
      module.unsigned(bytes.length);
      module.append(bytes);
    }
    return module.toBytes();
  }
}

/** `capacity`: for so many bytes at first. */
function section(write: (out: ByteBuffer) => void, capacity?: number): Uint8Array {
  const out = new ByteBuffer(capacity);
  write(out);
  return out.toBytes();
}
