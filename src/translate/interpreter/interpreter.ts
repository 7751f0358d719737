/** The interpreter as the machine runs it: an instance of the generated module, and the decoder that feeds it. */
import { setFlagsFromString } from 'node:v8';
import { floatOperation } from '../../cpu/floating_point/floating_point.ts';
import { CpuState } from '../../cpu/state.ts';
import { unpackFloatOperation } from '../../isa/float_operation.ts';
import type { Feature } from '../../isa/row.ts';
import { ROWS } from '../../isa/table.ts';
import type { Detail } from '../detail.ts';
import { CONDITION_TABLE, EXTENT_MASKS } from '../layout.ts';
import type { PoolWidth } from '../pool.ts';
import { conditionTable } from '../wasm_emitter.ts';
import { extentMasks } from '../wasm_vector.ts';
import { RecordDecoder } from './decoder.ts';
import { HandlerFunctions } from './handler_functions.ts';
import { buildInterpreter, FUNCTION_TABLE, type InterpreterModule } from './handlers.ts';
import { optimizedModule } from './machine_code.ts';
import { Pairs } from './pairs.ts';
import { prebuiltFunctions, prebuiltInterpreter } from './prebuilt.ts';
import { StateDigest } from './state_digest.ts';

/** What translated code calls. The functions that return a number return 1 where execution was redirected, else 0. */
export interface Host {
  /** The record at `ip` is to be decoded. */
  decode(ip: number): void;
  /** The slot of the record at `ip` has counted to its end. */
  hot(ip: number): void;
  /** The address as two words, the lower first. */
  access(low: number, high: number, flags: number): 0 | 1;
  /** `index` into RUNTIME_CALLS; arguments and result are in the state. */
  runtime(index: number): 0 | 1;
  /** SP is misaligned and is the base of an access. */
  stackMisaligned(): 0 | 1;
}

const modules = new Map<
  string,
  {
    readonly plan: InterpreterModule;
    readonly compiled: WebAssembly.Module;
    readonly functions: HandlerFunctions;
  }
>();

/**
 * V8 counts the bytes that a function jumps over, and has optimized one when they are 13 million: this one after 40 instructions,
 * because it is long. Optimizing it takes a thread 80 ms, for which a process waits at its end: a guest of a few thousand
 * instructions is through before.
 */
const TIERING_BUDGET = 1_000_000_000;
const USUAL_TIERING_BUDGET = 13_000_000;

function compile(bytes: Uint8Array): WebAssembly.Module {
  setFlagsFromString(`--wasm-tiering-budget=${TIERING_BUDGET}`);
  const module = new WebAssembly.Module(bytes);
  setFlagsFromString(`--wasm-tiering-budget=${USUAL_TIERING_BUDGET}`);
  return module;
}

/** The module for a detail level, with or without a digest, and a pool: made once a process. */
function moduleFor(detail: Detail, withDigest: boolean, poolWidth: PoolWidth) {
  const key = `${detail} ${withDigest} ${poolWidth}`;
  let made = modules.get(key);
  if (!made) {
    // Those that are built beforehand have no digest, and a pool of 32 bits.
    const prebuilt = withDigest || poolWidth !== 32 ? undefined : prebuiltInterpreter(detail);
    const plan = prebuilt ?? buildInterpreter(ROWS, detail, withDigest, poolWidth);
    made = {
      plan,
      compiled: (prebuilt && optimizedModule(detail, plan.bytes)) ?? compile(plan.bytes),
      functions: new HandlerFunctions(
        detail,
        plan.firstFunction,
        poolWidth,
        () => prebuilt && prebuiltFunctions(detail),
      ),
    };
    modules.set(key, made);
  }
  return made;
}

export class Interpreter {
  readonly #run: () => number;
  readonly #decoder: RecordDecoder;
  readonly #functions: HandlerFunctions;
  /** Of the CPU; absent: every row exists. */
  readonly features: ReadonlySet<Feature> | undefined;
  readonly state: WebAssembly.Memory;
  readonly poolWidth: PoolWidth;
  readonly imports: WebAssembly.Imports;
  /** Functions of handlers, and from FIRST_REGION on of regions. */
  readonly table: WebAssembly.Table;
  /** Of the states before all instructions, where it was asked for. */
  readonly digest: StateDigest | undefined;
  readonly pairs: Pairs;
  /** Modules whose functions are in the table. */
  #installed = 0;

  constructor(
    detail: Detail,
    state: WebAssembly.Memory,
    pool: { readonly memory: WebAssembly.Memory; readonly width: PoolWidth },
    host: Host,
    features?: ReadonlySet<Feature>,
    withDigest = false,
  ) {
    this.features = features;
    this.poolWidth = pool.width;
    const { plan, compiled, functions } = moduleFor(detail, withDigest, pool.width);
    new Uint8Array(state.buffer).set(conditionTable(), CONDITION_TABLE);
    new Uint8Array(state.buffer).set(extentMasks(), EXTENT_MASKS);
    const cells = new CpuState(state.buffer);
    this.#decoder = new RecordDecoder(state.buffer, plan, functions, features);
    this.#functions = functions;
    this.pairs = new Pairs(state.buffer, plan.pairs);
    this.state = state;
    this.imports = {
      memory: { state, pool: pool.memory },
      host: {
        decode: (ip: number) => host.decode(ip),
        hot: (ip: number) => host.hot(ip),
        access: (low: number, high: number, flags: number) => host.access(low, high, flags),
        runtime: (index: number) => host.runtime(index),
        stackMisaligned: () => host.stackMisaligned(),
        float: (code: number) => {
          const [a, b, c] = [cells.get('argument0'), cells.get('argument1'), cells.get('argument2')];
          cells.set('result', floatOperation(cells, unpackFloatOperation(code), a, b, c));
        },
      },
    };
    const { exports } = new WebAssembly.Instance(compiled, this.imports);
    this.#run = exports.run as () => number;
    this.digest = withDigest ? new StateDigest(cells, exports) : undefined;
    this.table = exports[FUNCTION_TABLE] as WebAssembly.Table;
  }

  /** Runs from state cell `ip` with state cell `budget`; true where execution was redirected (dispatch_loop.ts says what holds then). */
  run(): boolean {
    return this.#run() === 1;
  }

  /** Decodes the instruction at `pageOffset` of its page into its record. Before it executes, `install` is called. */
  decode(ip: number, word: number, pageOffset: number): void {
    this.#decoder.write(ip, word, pageOffset);
  }

  /** Puts functions of handlers into the table that decoding has made. */
  install(): void {
    const { modules } = this.#functions;
    for (; this.#installed < modules.length; this.#installed++) {
      const { exports } = new WebAssembly.Instance(modules[this.#installed], this.imports);
      for (const place in exports) this.table.set(Number(place), exports[place]);
    }
  }
}
