import { VECTOR_BASE } from '../../src/cpu/state.ts';
import { assemble } from '../../src/isa/pattern.ts';
import { ROWS } from '../../src/isa/table.ts';
import { LittleMachine } from '../translate/evaluator_machine.ts';

/** Instructions by name, over V registers as bytes, in the evaluator. */
export class Program {
  readonly #machine = new LittleMachine();

  #bytes(register: number): Uint8Array {
    return this.#machine.state.bytes.subarray(VECTOR_BASE + 16 * register, VECTOR_BASE + 16 * (register + 1));
  }
  set(register: number, bytes: Uint8Array | readonly number[]): void {
    this.#bytes(register).set(bytes);
  }
  setWords(register: number, words: readonly number[]): void {
    const view = new DataView(this.#bytes(register).slice().buffer);
    words.forEach((word, i) => {
      view.setUint32(4 * i, word, true);
    });
    this.set(register, new Uint8Array(view.buffer));
  }
  hex(register: number): string {
    return Buffer.from(this.#bytes(register)).toString('hex');
  }
  words(register: number): number[] {
    return [...new Uint32Array(this.#bytes(register).slice().buffer)];
  }
  /** Lower one first. */
  setDoublewords(register: number, doublewords: readonly [bigint, bigint]): void {
    const bytes = this.#bytes(register);
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    doublewords.forEach((doubleword, i) => {
      view.setBigUint64(8 * i, doubleword, true);
    });
  }
  doublewords(register: number): [bigint, bigint] {
    const [low, high] = new BigUint64Array(this.#bytes(register).slice().buffer);
    return [low, high];
  }
  setX(register: number, value: bigint): void {
    this.#machine.state.setX(register, value);
  }
  x(register: number): bigint {
    return this.#machine.state.x(register);
  }
  run(name: string, fields: { readonly [field: string]: number }): void {
    const row = ROWS.find((candidate) => candidate.name === name);
    if (!row) throw new Error(`no row ${name}`);
    this.#machine.evaluator.execute(assemble(row.pattern, fields));
  }
}
