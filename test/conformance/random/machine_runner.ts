/** Runs a test image in our machine, with any of the back ends. */
import type { Engine } from '../../../src/machine/engines.ts';
import { Machine } from '../../../src/machine/machine.ts';
import { DEFAULT_RECIPE } from '../../../src/machine/recipe.ts';
import { RunLoop } from '../../../src/machine/run_loop.ts';
import type { RegionOptions } from '../../../src/translate/region/regions.ts';
import type { TestImage } from './image.ts';
import { CODE, CODE_END, RAM } from './layout.ts';

/** `evaluator`: of the streams; the driver between them runs in the interpreter. */
export const ENGINES = ['interpreter', 'evaluator', 'regions'] as const;
export type TestedEngine = (typeof ENGINES)[number];

/** A stream's code is hot when it has run once. */
const EARLY: Partial<RegionOptions> = { threshold: 1, batch: 250, patience: 1000, leastInstructions: 1 };

/** An image that runs away ends here: no run is longer than some hundred instructions with its exceptions, beside the digest. */
const INSTRUCTIONS_PER_RUN = 30_000;

export interface MachineRun<T> {
  readonly result: T;
  readonly instructions: number;
  readonly stopped: string;
  /** Instructions of the streams, by word: completed, and ended by an exception. Of the evaluator only. */
  readonly executed: ReadonlyMap<number, readonly [number, number]>;
}

/** Runs to the image's power-off and hands `inspect` a reader of RAM. */
export function runInMachine<T>(
  image: Pick<TestImage, 'pieces' | 'runs' | 'target'>,
  engine: TestedEngine,
  inspect: (read: (address: number, length: number) => Uint8Array) => T,
): MachineRun<T> {
  const load = image.pieces.map(({ address }) => `${address}@0x${address.toString(16)}`);
  const machine = new Machine({
    recipe: { ...DEFAULT_RECIPE, cpu: image.target.cpu, ram: RAM.mebibytes * 2 ** 20, load },
    readFile: (path) => image.pieces.find(({ address }) => path === String(address))!.bytes,
    engine: engine === 'regions' ? 'regions' : 'interpreter',
    regions: EARLY,
  });
  const evaluated = engine === 'evaluator' ? new EvaluatedStreams(machine) : undefined;
  if (evaluated) machine.engine = evaluated;
  const loop = new RunLoop(machine);
  const limit = INSTRUCTIONS_PER_RUN * (image.runs.length + 1);
  let stopped = loop.settle();
  while (!stopped && machine.time.icount < limit) {
    const { icount } = machine.time;
    stopped = loop.runPacket(loop.beginPacket(), limit);
    if (machine.time.icount <= icount && !stopped)
      throw new Error(`icount went from ${icount} to ${machine.time.icount}`);
  }
  const read = (address: number, length: number) => {
    const bytes = machine.memory.readBytes(address, length);
    if (!bytes) throw new Error(`0x${address.toString(16)} is not RAM`);
    return bytes;
  };
  return {
    result: inspect(read),
    instructions: machine.time.icount,
    stopped: stopped ?? 'limit',
    executed: evaluated?.executed ?? new Map(),
  };
}

/** The evaluator where the streams are, the interpreter everywhere else: the driver executes many more instructions than they. */
class EvaluatedStreams implements Engine {
  readonly executed = new Map<number, [number, number]>();
  readonly #state: Machine['state'];
  readonly #interpreter: Engine;
  readonly #evaluator: Engine;
  #current: Engine;

  constructor(machine: Machine) {
    this.#state = machine.state;
    this.#interpreter = machine.engine;
    machine.observe({ registerWrite: () => {}, access: () => {} });
    this.#evaluator = machine.engine;
    machine.observe(undefined);
    this.#current = this.#interpreter;
  }
  get maxSlice(): number {
    return this.#current.maxSlice;
  }
  resume(): boolean {
    const pc = Number(this.#state.get('pc'));
    this.#current = pc >= CODE && pc < CODE_END ? this.#evaluator : this.#interpreter;
    return this.#current.resume();
  }
  enter(...where: Parameters<Engine['enter']>): void {
    this.#current.enter(...where);
  }
  run(): boolean {
    if (this.#current === this.#interpreter) return this.#current.run();
    const word = this.#current.currentWord();
    const redirected = this.#current.run();
    let counts = this.executed.get(word);
    if (!counts) {
      counts = [0, 0];
      this.executed.set(word, counts);
    }
    counts[redirected ? 1 : 0]++;
    return redirected;
  }
  currentWord(): number {
    return this.#current.currentWord();
  }
}
