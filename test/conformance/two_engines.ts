/** Our machine in the interpreter, which keeps a digest of every state, and beside it the same machine in regions, which cannot. */
import type { Recipe } from '../../src/machine/recipe.ts';
import { MachineSubject } from './machine_subject.ts';
import type { Subject } from './qemu/comparison.ts';
import { STATE_WORDS, sameState, stateDifferences } from './qemu/state.ts';

export class TwoEngines implements Subject {
  readonly #interpreter: MachineSubject;
  readonly #regions: MachineSubject;
  readonly #states = [new Uint32Array(STATE_WORDS), new Uint32Array(STATE_WORDS)] as const;

  constructor(recipe: Recipe) {
    this.#interpreter = new MachineSubject(recipe, 'interpreter');
    this.#regions = new MachineSubject(recipe, 'regions');
  }

  runTo(icount: number): string {
    return this.#interpreter.runTo(icount);
  }
  get icount(): number {
    return this.#interpreter.icount;
  }
  readState(words: Uint32Array): void {
    this.#interpreter.readState(words);
  }
  /** Throws where the engines are in different states: that is no matter of QEMU's. */
  digest(icount: number): Uint32Array {
    this.#regions.runTo(icount);
    const [interpreter, regions] = this.#states;
    this.#interpreter.readState(interpreter);
    this.#regions.readState(regions);
    if (this.#regions.icount !== this.icount || !sameState(interpreter, regions)) {
      const differences = stateDifferences(interpreter, regions)
        .map(({ name, reference, subject }) => `${name} ${reference.toString(16)}, ${subject.toString(16)}`)
        .join('; ');
      throw new Error(
        `at ${icount} the interpreter is before instruction ${this.icount}, regions before ${this.#regions.icount}: ${differences}`,
      );
    }
    return this.#interpreter.digest!(icount);
  }
  console(): Uint8Array {
    return this.#interpreter.console();
  }
}
