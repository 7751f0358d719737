/** The back ends as the machine runs them. */
import { CELL, type CpuState } from '../cpu/state.ts';
import type { Access } from '../isa/emitter.ts';
import type { Detail } from '../translate/detail.ts';
import { records } from '../translate/detail.ts';
import { Evaluator, type MemoryPort, type RedirectingRuntime } from '../translate/evaluator.ts';
import type { InlineTlb } from '../translate/inline_tlb.ts';
import { Interpreter } from '../translate/interpreter/interpreter.ts';
import { RUNTIME_CALLS } from '../translate/interpreter/runtime_calls.ts';
import type { StateDigest } from '../translate/interpreter/state_digest.ts';
import { RECORD_SIZE } from '../translate/layout.ts';
import { leavesRun } from '../translate/region/branch_words.ts';
import { type RegionOptions, Regions } from '../translate/region/regions.ts';
import type { BackgroundTranslator } from '../translate/region/translator_thread.ts';
import type { CodePage, CodePages } from './code_pages.ts';
import type { DataAccess, StepObserver } from './data_access.ts';
import { type GuestMemory, PAGE_SIZE } from './memory.ts';
import type { RawBuffers } from './raw_buffers.ts';
import type { RecordedCalls } from './recorded_calls.ts';
import type { Returns } from './returns.ts';
import type { Shortcuts } from './shortcuts.ts';

/** Executes instructions from the pc in CpuState. */
export interface Engine {
  /** At most so many instructions at once. */
  readonly maxSlice: number;
  /** Gets ready to execute at pc if its page was entered before and nothing changed since; false where `enter` must be called. */
  resume(): boolean;
  /** Gets ready to execute at byte `offset` of the page, which the pc is mapped to. */
  enter(page: CodePage, offset: number, guarded: boolean): void;
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
  /** After an exception or a return: gets ready to go on at pc within the slice; false where the run loop must look first. */
  readonly goesOn: () => boolean;
  readonly returns: Returns;
  readonly shortcuts: Shortcuts;
  /** Absent where nothing is recorded. */
  readonly recorded?: RecordedCalls;
  /** Bank of the fetch TLB in use. */
  readonly fetchBank: () => number;
  /** Jumps to the page of pc must end the slice: it may have a breakpoint. */
  readonly breaksInPage: () => boolean;
  /** A word of this page is about to execute for the first time since it was written. */
  readonly onFirstExecution: (page: CodePage, offset: number) => void;
}

const PC = CELL.pc >>> 2;
const SP = CELL.sp >>> 2;
const IP = CELL.ip >>> 2;
const BUDGET = CELL.budget >>> 2;
/** argument1 follows. */
const ARGUMENT = CELL.argument0 >>> 2;
const RESULT = CELL.result >>> 2;
const EXCEPTION_RETURN = RUNTIME_CALLS.indexOf('exceptionReturn');
const READ_SYSTEM_REGISTER = RUNTIME_CALLS.indexOf('readSystemRegister');
const WRITE_SYSTEM_REGISTER = RUNTIME_CALLS.indexOf('writeSystemRegister');
const SYSTEM_OPERATION = RUNTIME_CALLS.indexOf('systemOperation');
const PC_BASE = CELL.pcBase >>> 2;
const GOES_ON = CELL.goesOn >>> 2;

export class InterpreterEngine implements Engine {
  readonly maxSlice: number;
  readonly #parts: EngineParts;
  readonly #interpreter: Interpreter;
  /** Hot code, where regions are wanted. */
  readonly regions: Regions | undefined;

  /** `withDigest`: of every state, which regions do not have. */
  constructor(
    parts: EngineParts,
    regions?: Partial<RegionOptions>,
    withDigest = false,
    translator?: BackgroundTranslator,
  ) {
    this.#parts = parts;
    this.maxSlice = regions?.slice ?? Number.POSITIVE_INFINITY;
    const { state, code, memory, runtime } = parts;
    const calls = RUNTIME_CALLS.map((name) => runtime[name] as (...args: bigint[]) => bigint | undefined);
    const redirected = (): 1 => {
      state.u32[GOES_ON] = parts.goesOn() ? 1 : 0;
      return 1;
    };
    // Arguments are BigInts made for the call.
    const takesNothing = calls.map((call) => call.length === 0);
    this.#interpreter = new Interpreter(
      parts.detail,
      parts.stateMemory,
      { memory: memory.pool, width: memory.poolWidth },
      {
        decode: (ip) => {
          const { page, offset } = code.locate(ip);
          // Cell pc is that of the last call out: a new version's row of table fetch needs this instruction's.
          const { u32 } = state;
          const low = u32[PC_BASE] + ip / 4;
          u32[PC] = low;
          u32[PC + 1] = u32[PC_BASE + 1] + (low >= 2 ** 32 ? 1 : 0);
          parts.onFirstExecution(page, offset);
          this.#decodeRun(page, offset);
        },
        hot: (ip) => {
          const { page, offset } = code.locate(ip);
          this.regions?.hot(page, offset);
        },
        access: (low, high, flags) => parts.access.access(low, high, flags) && redirected(),
        runtime: (index) => {
          if (parts.recorded?.make(index)) return 0;
          const { u32, u64 } = state;
          const { shortcuts } = parts;
          if (index === READ_SYSTEM_REGISTER && shortcuts.readCounter(u32[ARGUMENT])) return 0;
          runtime.redirected = false;
          if (index === EXCEPTION_RETURN) parts.returns.begin();
          const result = takesNothing[index]
            ? calls[index].call(runtime)
            : calls[index].call(runtime, u64[ARGUMENT >>> 1], u64[(ARGUMENT >>> 1) + 1]);
          if (result !== undefined) u64[RESULT >>> 1] = result;
          if (runtime.redirected) {
            redirected();
            if (index === EXCEPTION_RETURN && u32[GOES_ON]) parts.returns.learn();
            return 1;
          }
          if (index === READ_SYSTEM_REGISTER) shortcuts.learnRead(u32[ARGUMENT]);
          else if (index === WRITE_SYSTEM_REGISTER) shortcuts.learnWrite(u32[ARGUMENT]);
          else if (index === SYSTEM_OPERATION) shortcuts.learnOperation(u32[ARGUMENT]);
          return 0;
        },
        stackMisaligned: () => parts.stackMisaligned() && redirected(),
      },
      runtime.features,
      withDigest,
    );
    if (regions) this.regions = new Regions(parts.detail, memory.u32, this.#interpreter, regions, translator);
    code.onWritten = (page, first, last) => {
      if (first > 0) this.#interpreter.pairs.part(page.records + first * RECORD_SIZE);
      this.regions?.written(page, first, last);
    };
    code.onReleased = (page) => this.regions?.released(page);
  }

  /** What the translated code does at a jump: a hit in the fetch TLB stands for the translation and for the row of table fetch. */
  resume(): boolean {
    const { u32 } = this.#parts.state;
    const pageLow = (u32[PC] & ~0xfff) >>> 0;
    const found = this.#parts.tlb.findFetch(this.#parts.fetchBank(), pageLow, u32[PC + 1]);
    if (found === 0) return false;
    this.#begin(found & ~1, pageLow, (found & 1) === 1);
    return true;
  }

  enter(page: CodePage, _offset: number, guarded: boolean): void {
    const { state, code, tlb } = this.#parts;
    const { u32 } = state;
    const records = code.recordsOf(page);
    const pageLow = (u32[PC] & ~0xfff) >>> 0;
    if (!this.#parts.breaksInPage())
      tlb.fillFetch(this.#parts.fetchBank(), pageLow, u32[PC + 1], records, guarded);
    this.#begin(records, pageLow, guarded);
  }

  /**
   * Decodes the word at byte `offset` of the page, which executes now, and those that will follow it up to the next branch. A
   * word that the page's version has already makes no new one when it executes: it may be decoded ahead.
   */
  #decodeRun(page: CodePage, offset: number): void {
    const { memory, code } = this.#parts;
    const { records, poolOffset } = page;
    for (let at = offset; ; at += 4) {
      const word = memory.u32[(poolOffset + at) >>> 2];
      this.#interpreter.decode(records + at * (RECORD_SIZE / 4), word, at);
      if (!leavesRun(word) && at < PAGE_SIZE - 4 && code.mayDecodeAhead(page, at + 4)) continue;
      this.#interpreter.install();
      this.#interpreter.pairs.join(records + offset * (RECORD_SIZE / 4), records + at * (RECORD_SIZE / 4));
      this.regions?.decoded(page, offset / 4, at / 4);
      return;
    }
  }

  /** Cells ip and pcBase for pc in the page with these records. */
  #begin(records: number, pageLow: number, guarded: boolean): void {
    this.regions?.settle();
    const { state } = this.#parts;
    const { u32 } = state;
    u32[IP] = records + ((u32[PC] & 0xffc) >>> 2) * RECORD_SIZE;
    const baseLow = pageLow - records / 4;
    u32[PC_BASE] = baseLow;
    u32[PC_BASE + 1] = u32[PC + 1] - (baseLow < 0 ? 1 : 0);
    state.inGuardedPage = guarded;
  }

  run(): boolean {
    this.#parts.shortcuts.settle();
    return this.#interpreter.run();
  }

  get digest(): StateDigest | undefined {
    return this.#interpreter.digest;
  }

  currentWord(): number {
    const { state, code, memory } = this.#parts;
    // The high words count too: pc may be anywhere after an exception.
    const { u32 } = state;
    const high = (u32[PC + 1] - u32[PC_BASE + 1]) | 0;
    const ip = (u32[PC] - u32[PC_BASE] + high * 2 ** 32) * 4;
    if (!code.holdsRecord(ip)) return 0;
    const { page, offset } = code.locate(ip);
    return memory.u32[(page.poolOffset + offset) / 4];
  }
}

/** Accesses with SP as their base, with the check of its alignment that translated code does inline. */
function checkingStack({ access, state, stackMisaligned }: EngineParts): MemoryPort {
  const faults = ({ stack }: Access) =>
    stack !== undefined && (state.u32[SP] & 15) !== 0 && stackMisaligned() === 1;
  return {
    load: (of, address) => (faults(of) ? undefined : access.load(of, address)),
    store: (of, address, value) => !faults(of) && access.store(of, address, value),
    probeStore: (of, address) => !faults(of) && access.probeStore(of, address),
  };
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
      checkingStack(parts),
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

  /** Every instruction is looked up anew. */
  resume(): boolean {
    return false;
  }

  enter(page: CodePage, offset: number, guarded: boolean): void {
    this.#parts.state.inGuardedPage = guarded;
    this.#parts.onFirstExecution(page, offset);
    this.#word = this.#parts.memory.u32[(page.poolOffset + offset) / 4];
  }

  run(): boolean {
    const completed = this.#evaluator.execute(this.#word);
    if (completed) this.#parts.state.u32[BUDGET] = 0;
    return !completed;
  }

  currentWord(): number {
    return this.#word;
  }
}
