/** What all parts of `explain` work on: one recording, its trace, its exceptions, the machine at any instant, and names. */
import { CallStacks, type Frame } from '../../src/analysis/call_stack.ts';
import { ExceptionLog } from '../../src/analysis/exception_log.ts';
import { type Instruction, Trace } from '../../src/analysis/trace.ts';
import { Timeline } from '../../src/replay/timeline.ts';
import { DisassemblyCache } from '../../src/sql/disassemble.ts';
import { recordedSymbols } from '../../src/symbols/recorded_symbols.ts';
import type { SymbolTable } from '../../src/symbols/symbol_table.ts';
import type { Recording } from '../../src/trace/recording.ts';

/** An instruction with its names, as the report shows it. */
export interface Place {
  readonly icount: number;
  readonly pc: bigint;
  readonly el: number;
  readonly vmid: number;
  readonly symbol: string | undefined;
  readonly offset: number | undefined;
  readonly file: string | undefined;
  readonly line: number | undefined;
  readonly disassembly: string;
  /** Innermost first; the place itself is the first. */
  readonly stack: readonly { readonly pc: bigint; readonly name: string }[];
}

export interface Instant {
  /** X0 to X30, then SP. */
  readonly registers: readonly bigint[];
  readonly pc: bigint;
  readonly pstate: number;
}

const NO_SYMBOLS: SymbolTable = { at: () => undefined, addresses: () => [] };
/** Instants before the one asked for that are kept too: slices go backwards in small steps. */
const LOOK_BACK = 96;

export class Case {
  readonly recording: Recording;
  readonly trace: Trace;
  readonly log: ExceptionLog;
  readonly symbols: SymbolTable;
  readonly #disassembly: DisassemblyCache;
  readonly #instants = new Map<number, Instant>();
  #timeline: Timeline | undefined;
  #stacks: { readonly until: number; readonly stacks: CallStacks } | undefined;

  private constructor(recording: Recording, disassembly: DisassemblyCache) {
    this.recording = recording;
    this.trace = new Trace(recording);
    this.log = new ExceptionLog(recording);
    this.symbols = symbolsOf(recording);
    this.#disassembly = disassembly;
  }

  static async open(recording: Recording): Promise<Case> {
    return new Case(recording, await DisassemblyCache.load());
  }

  get timeline(): Timeline {
    this.#timeline ??= Timeline.open(this.recording);
    return this.#timeline;
  }

  /** The registers before instruction `icount`. */
  at(icount: number): Instant {
    const known = this.#instants.get(icount);
    if (known !== undefined) return known;
    const { timeline } = this;
    const from = Math.max(0, icount - LOOK_BACK);
    timeline.goto(from);
    for (let i = from; i <= icount; i++) {
      const { x, sp, pc, pstate } = timeline.registers();
      this.#instants.set(i, { registers: [...x, sp], pc, pstate });
      if (i < icount && timeline.step() === undefined) break;
    }
    const found = this.#instants.get(icount);
    if (found === undefined) throw new Error(`the machine stopped before instruction ${icount}`);
    return found;
  }

  /** The doubleword at a physical address before instruction `icount`. */
  doubleword(pa: number, icount: number): bigint {
    this.timeline.goto(icount);
    const bytes = this.timeline.readPhysical(pa, 8);
    return bytes === undefined ? 0n : new DataView(bytes.buffer).getBigUint64(0, true);
  }

  /** Bytes of a table of a walk's tables, and bytes of address that one descriptor of its last level stands for. */
  tableShape(walk: {
    readonly icount: number;
    readonly stage: number;
    readonly level: number;
    readonly regime: string;
  }): {
    readonly tableBytes: number;
    readonly entryBytes: number;
  } {
    this.timeline.goto(walk.icount);
    const { mmu } = this.timeline.machine;
    const regime = mmu.regime(walk.regime === 'EL10' ? 1 : 2);
    const geometry = walk.stage === 2 ? regime.stage2 : regime.stage1?.lower;
    const granule = geometry?.granule ?? 12;
    return { tableBytes: 2 ** granule, entryBytes: 2 ** (granule + (3 - walk.level) * (granule - 3)) };
  }

  name(address: bigint): string {
    const symbol = this.symbols.at(address);
    if (symbol === undefined) return hex(address);
    return symbol.offset === 0 ? symbol.name : `${symbol.name}+0x${symbol.offset.toString(16)}`;
  }

  frames({ icount, cpu, el, vmid }: { icount: number; cpu: number; el: number; vmid: number }): Frame[] {
    if (this.#stacks === undefined || this.#stacks.until < icount)
      this.#stacks = { until: icount, stacks: new CallStacks(this.trace, this.log, icount) };
    return this.#stacks.stacks.at(icount, { cpu, el, vmid });
  }

  place(instruction: Instruction): Place {
    const { icount, pc, el, vmid, word } = instruction;
    const symbol = this.symbols.at(pc, instruction);
    const frames = this.frames(instruction).filter(({ call }) => call !== undefined);
    return {
      icount,
      pc,
      el,
      vmid: el === 2 ? 0 : vmid,
      symbol: symbol?.name,
      offset: symbol?.offset,
      file: symbol?.file,
      line: symbol?.line,
      disassembly:
        instruction.pa === undefined ? 'not fetched' : this.#disassembly.text(word, pc).disassembly,
      stack: [pc, ...frames.map(({ call }) => call!.pc)].map((at) => ({ pc: at, name: this.name(at) })),
    };
  }

  placeAt(icount: number): Place | undefined {
    const instruction = this.trace.instruction(icount);
    return instruction && this.place(instruction);
  }

  close(): void {
    this.recording.close();
  }
}

export const hex = (n: bigint | number): string => `0x${n.toString(16)}`;

export const symbolsOf = (recording: Recording): SymbolTable => recordedSymbols(recording) ?? NO_SYMBOLS;
