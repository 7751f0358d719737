/** The back ends as the machine runs them. */
import type { CpuState } from '../cpu/state.ts';
import type { Detail } from '../translate/detail.ts';
import { records } from '../translate/detail.ts';
import { Evaluator, type RedirectingRuntime } from '../translate/evaluator.ts';
import type { InlineTlb } from '../translate/inline_tlb.ts';
import { RUNTIME_CALLS } from '../translate/interpreter/emitter.ts';
import { Interpreter } from '../translate/interpreter/interpreter.ts';
import { RECORD_SIZE } from '../translate/layout.ts';
import { type RegionOptions, Regions } from '../translate/region/regions.ts';
import type { CodePage, CodePages } from './code_pages.ts';
import type { DataAccess, StepObserver } from './data_access.ts';
import type { GuestMemory } from './memory.ts';
import type { RawBuffers } from './raw_buffers.ts';

/** Executes instructions from the pc in CpuState. */
export interface Engine {
  /** At most so many instructions at once. */
  readonly maxSlice: number;
  /** Gets ready to execute at byte `offset` of the page, which the pc is mapped to. */
  enter(page: CodePage, offset: number): void;
  /** Executes as many instructions as cell `budget` says. True where an instruction redirected execution: it is still in budget. */
  run(): boolean;
  /** The instruction at pc, while it executes; 0 where pc is in another page than the last instruction. */
  currentWord(): number;
}

export interface EngineParts {
  readonly detail: Detail;
  readonly state: CpuState;
  readonly stateMemory: WebAssembly.Memory;
  readonly memory: GuestMemory;
  readonly tlb: InlineTlb;
  readonly code: CodePages;
  readonly access: DataAccess;
  readonly buffers: RawBuffers;
  /** The calls, with the machine's bookkeeping around them. */
  readonly runtime: RedirectingRuntime;
  readonly stackMisaligned: () => 0 | 1;
  /** Bank of the fetch TLB in use. */
  readonly fetchBank: () => number;
  /** A word of this page is about to execute for the first time since it was written. */
  readonly onFirstExecution: (page: CodePage, offset: number) => void;
}

export class InterpreterEngine implements Engine {
  readonly maxSlice = Number.POSITIVE_INFINITY;
  readonly #parts: EngineParts;
  readonly #interpreter: Interpreter;
  /** Hot code, where regions are wanted. */
  readonly regions: Regions | undefined;

  constructor(parts: EngineParts, regions?: Partial<RegionOptions>) {
    this.#parts = parts;
    const { state, code, memory, runtime } = parts;
    const calls = RUNTIME_CALLS.map((name) => runtime[name] as (...args: bigint[]) => bigint | undefined);
    this.#interpreter = new Interpreter(parts.detail, parts.stateMemory, memory.pool, {
      decode: (ip) => {
        const { page, offset } = code.locate(ip);
        parts.onFirstExecution(page, offset);
        this.#interpreter.decode(ip, memory.u32[(page.poolOffset + offset) / 4], offset);
        this.regions?.decoded(page, offset);
      },
      hot: (ip) => {
        const { page, offset } = code.locate(ip);
        this.regions?.hot(page, offset);
      },
      access: (va, flags) => parts.access.access(va, flags),
      runtime: (index) => {
        runtime.redirected = false;
        const result = calls[index].call(runtime, state.get('argument0'), state.get('argument1'));
        if (result !== undefined) state.set('result', result);
        return runtime.redirected ? 1 : 0;
      },
      stackMisaligned: parts.stackMisaligned,
    });
    if (!regions) return;
    const memories = { state: parts.stateMemory, pool: memory.pool };
    this.regions = new Regions(parts.detail, memories, memory.u32, this.#interpreter, regions);
    code.onWritten = (page, first, last) => this.regions!.written(page, first, last);
  }

  enter(page: CodePage, offset: number): void {
    const { state, code, tlb } = this.#parts;
    this.regions?.settle();
    const records = code.recordsOf(page);
    const pc = state.get('pc');
    const vaPage = pc & ~0xfffn;
    tlb.fillFetch(this.#parts.fetchBank(), Number(vaPage & 0xffff_ffffn), Number(vaPage >> 32n), records);
    state.setSmall('ip', records + (offset / 4) * RECORD_SIZE);
    state.set('pcBase', BigInt.asUintN(64, vaPage - BigInt(records / 4)));
  }

  run(): boolean {
    return this.#interpreter.run();
  }

  currentWord(): number {
    const { state, code, memory } = this.#parts;
    const ip = Number(BigInt.asIntN(64, state.get('pc') - state.get('pcBase'))) * 4;
    if (!code.holdsRecord(ip)) return 0;
    const { page, offset } = code.locate(ip);
    return memory.u32[(page.poolOffset + offset) / 4];
  }
}

/** One instruction at a time, through the reference evaluator. */
export class EvaluatorEngine implements Engine {
  readonly maxSlice = 1;
  readonly #parts: EngineParts;
  readonly #evaluator: Evaluator;
  #word = 0;

  constructor(parts: EngineParts, observer?: StepObserver) {
    this.#parts = parts;
    const { buffers, detail } = parts;
    const recordsFlow = records(detail, 'flow');
    this.#evaluator = new Evaluator(
      parts.state,
      parts.access,
      parts.runtime,
      {
        atom: (taken) => recordsFlow && buffers.addAtom(taken),
        target: (address) => recordsFlow && buffers.addTarget(address),
      },
      // Memory values are recorded by DataAccess.
      {
        registerWrite: (register, value) => {
          if (records(detail, 'full')) buffers.addRegister(value);
          observer?.registerWrite(register, value);
        },
        memoryValue: () => {},
      },
    );
  }

  enter(page: CodePage, offset: number): void {
    this.#parts.onFirstExecution(page, offset);
    this.#word = this.#parts.memory.u32[(page.poolOffset + offset) / 4];
  }

  run(): boolean {
    const completed = this.#evaluator.execute(this.#word);
    if (completed) this.#parts.state.setSmall('budget', 0);
    return !completed;
  }

  currentWord(): number {
    return this.#word;
  }
}
