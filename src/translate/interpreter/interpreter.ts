/** The interpreter as the machine runs it: an instance of the generated module, and the decoder that feeds it. */
import type { Row } from '../../isa/row.ts';
import { ROWS } from '../../isa/table.ts';
import type { Detail } from '../detail.ts';
import { CONDITION_TABLE } from '../layout.ts';
import { conditionTable } from '../wasm_emitter.ts';
import { RecordDecoder } from './decoder.ts';
import { buildInterpreter, type InterpreterModule } from './handlers.ts';

/** What translated code calls. The functions that return a number return 1 where execution was redirected, else 0. */
export interface Host {
  /** The record at `ip` is to be decoded. */
  decode(ip: number): void;
  access(va: bigint, flags: number): 0 | 1;
  /** The slot of the record at `ip` has counted to its end. */
  hot(ip: number): void;
  /** `index` into RUNTIME_CALLS; arguments and result are in the state. */
  runtime(index: number): 0 | 1;
  /** SP is misaligned and is the base of an access. */
  stackMisaligned(): 0 | 1;
}

const modules = new Map<
  Detail,
  { readonly plan: InterpreterModule; readonly compiled: WebAssembly.Module }
>();

/** The module for a detail level: made once a process. */
function moduleFor(detail: Detail) {
  let made = modules.get(detail);
  if (!made) {
    const plan = buildInterpreter(ROWS, detail);
    made = { plan, compiled: new WebAssembly.Module(plan.bytes) };
    modules.set(detail, made);
  }
  return made;
}

export class Interpreter {
  readonly #run: () => number;
  readonly #decoder: RecordDecoder;
  /** Functions of the regions, by the index in their slots. */
  readonly regions: WebAssembly.Table;
  readonly firstSlotHandler: number;

  constructor(detail: Detail, state: WebAssembly.Memory, pool: WebAssembly.Memory, host: Host) {
    const { plan, compiled } = moduleFor(detail);
    new Uint8Array(state.buffer).set(conditionTable(), CONDITION_TABLE);
    this.#decoder = new RecordDecoder(state.buffer, plan);
    const instance = new WebAssembly.Instance(compiled, {
      memory: { state, pool },
      host: {
        decode: (ip: number) => host.decode(ip),
        hot: (ip: number) => host.hot(ip),
        access: (va: bigint, flags: number) => host.access(BigInt.asUintN(64, va), flags),
        runtime: (index: number) => host.runtime(index),
        stackMisaligned: () => host.stackMisaligned(),
      },
    });
    this.#run = instance.exports.run as () => number;
    this.regions = instance.exports.regions as WebAssembly.Table;
    this.firstSlotHandler = plan.firstSlotHandler;
  }

  /** Runs from state cell `ip` with state cell `budget`; true where execution was redirected (handlers.ts says what holds then). */
  run(): boolean {
    return this.#run() === 1;
  }

  /** Decodes the instruction at `pageOffset` of its page into its record; the row, if it is implemented. */
  decode(ip: number, word: number, pageOffset: number): Row | undefined {
    return this.#decoder.write(ip, word, pageOffset);
  }
}
