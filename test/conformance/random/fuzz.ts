/**
 * Random words at EL0, EL1 and EL2, with the MMU on and off: whatever a guest executes, the machine must neither throw nor
 * need memory without bound, and every back end must end in the same state.
 *
 * Memory is filled with random words. An episode starts at one of them, from a configuration and random registers; the vectors'
 * handlers go on at the next word, within the same 64 KiB wherever the exception came from. Words that change control registers take
 * effect, so an episode may lead anywhere; after some thousand instructions the next one starts anew.
 */

import { createHash, type Hash } from 'node:crypto';
import { modelFeatures } from '../../../src/cpu/models/model.ts';
import { modelNamed } from '../../../src/cpu/models/models.ts';
import { VECTOR_BASE } from '../../../src/cpu/state.ts';
import { assemble } from '../../../src/isa/pattern.ts';
import { ROWS } from '../../../src/isa/table.ts';
import { type EngineName, Machine } from '../../../src/machine/machine.ts';
import { DEFAULT_RECIPE } from '../../../src/machine/recipe.ts';
import { RunLoop } from '../../../src/machine/run_loop.ts';
import { restoreMachine, type Sections, saveMachine } from '../../../src/machine/snapshot.ts';
import type { EventSink } from '../../../src/trace/schema.ts';
import { contents } from '../../machine/filled.ts';
import { Code } from './assembler.ts';
import { Choices } from './randomness.ts';

const MIB2 = 0x20_0000;
const RAM_BYTES = 2 ** 26;
/** Random words, read-only to EL1 and EL0 where the MMU is on; then the same as data; then handlers and tables. */
const WORDS = 0x4020_0000;
const WORDS_BYTES = 0x1_0000;
const DATA = WORDS + MIB2;
const HANDLERS = DATA + MIB2;
const VECTORS_EL1 = HANDLERS;
const VECTORS_EL2 = HANDLERS + 0x800;
const TABLES = HANDLERS + MIB2;

const PHYSICAL_ADDRESS = 0xffff_ffff_ffffn;

const EPISODE_INSTRUCTIONS = 4_000;
const EPISODES_A_FILL = 12;

export interface FuzzOptions {
  readonly cpu: string;
  readonly engine: EngineName;
  readonly seed: number;
  /** Ends when so many words were executed, each counted once; or after so many episodes. */
  readonly words?: number;
  readonly episodes?: number;
  /** As a recording of detail `full` is made: events and raw buffers are part of the digest. */
  readonly recorded?: boolean;
}

export interface FuzzResult {
  /**
   * A translating back end counts a word when it decodes it. It decodes ahead up to the next branch, and the handlers go on behind what
   * faults, so hardly a word of them is not executed; the evaluator counts what it executes.
   */
  readonly words: number;
  readonly episodes: number;
  /** How episodes ended, by reason. */
  readonly ends: { readonly [reason: string]: number };
  /** Of the machine's state after each episode. */
  readonly digest: string;
}

export function fuzz(options: FuzzOptions): FuzzResult {
  const fuzzed = new FuzzedMachine(options);
  const choices = new Choices(options.seed);
  const digest = createHash('sha256');
  const ends: { [reason: string]: number } = {};
  let episodes = 0;
  const { words = Number.POSITIVE_INFINITY, episodes: most = Number.POSITIVE_INFINITY } = options;
  while (fuzzed.words < words && episodes < most) {
    fuzzed.fill(choices);
    for (let n = 0; n < EPISODES_A_FILL; n++, episodes++) {
      const end = fuzzed.episode(choices);
      ends[end] = (ends[end] ?? 0) + 1;
      digest.update(fuzzed.stateDigest());
    }
  }
  return { words: fuzzed.words, episodes, ends, digest: digest.digest('hex') };
}

interface Configuration {
  readonly el: 0 | 1 | 2;
  readonly mmu: boolean;
  readonly hcr: bigint;
}

const HCR_RW = 1n << 31n;
const HCR_E2H = 1n << 34n;
const HCR_TGE = 1n << 27n;
const HCR_VM = 1n;
/** Pointer authentication is not trapped. */
const HCR_KEYS = 3n << 40n;

function configurations(cpu: string): Configuration[] {
  const vhe = modelFeatures(modelNamed(cpu), false).has('VHE');
  const hcrs = [
    HCR_RW | HCR_KEYS,
    HCR_RW | HCR_VM,
    ...(vhe ? [HCR_RW | HCR_E2H, HCR_RW | HCR_E2H | HCR_TGE] : []),
  ];
  return hcrs.flatMap((hcr) =>
    ([0, 1, 2] as const)
      .filter((el) => !(el === 1 && hcr & HCR_TGE))
      .flatMap((el) => [true, false].map((mmu) => ({ el, mmu, hcr }))),
  );
}

class FuzzedMachine {
  words = 0;
  readonly #machine: Machine;
  readonly #starts: readonly Sections[];
  /** Events by table, and what the raw buffers held at the end of each packet. */
  readonly #events: { [table: string]: number } = {};
  readonly #recorded: Hash | undefined;
  /** Words executed since the last fill. */
  readonly #executed = new Uint8Array(WORDS_BYTES / 4);

  constructor({ cpu, engine, recorded }: FuzzOptions) {
    if (recorded) this.#recorded = createHash('sha256');
    const append: EventSink['append'] = (table) => {
      this.#events[table] = (this.#events[table] ?? 0) + 1;
      return 0;
    };
    this.#machine = new Machine({
      detail: recorded ? 'full' : 'none',
      events: () => ({ recording: recorded === true, append }),
      recipe: {
        ...DEFAULT_RECIPE,
        cpu,
        gic: 3,
        ram: RAM_BYTES,
        load: [`handlers@0x${HANDLERS.toString(16)}`],
      },
      readFile: handlers,
      engine,
      regions: { threshold: 2, batch: 32, patience: 200, leastInstructions: 1 },
    });
    const machine = this.#machine;
    const base = saveMachine(machine);
    this.#starts = configurations(cpu).map((configuration) => {
      restoreMachine(machine, base);
      configure(machine, configuration);
      return saveMachine(machine);
    });
    const { code } = machine;
    const execute = code.execute.bind(code);
    code.execute = (page, offset) => {
      this.#count(page.paPage + offset);
      execute(page, offset);
    };
    const mayDecodeAhead = code.mayDecodeAhead.bind(code);
    code.mayDecodeAhead = (page, offset) => {
      const ahead = mayDecodeAhead(page, offset);
      if (ahead) this.#count(page.paPage + offset);
      return ahead;
    };
  }

  /** Counts the word at this physical address, once. */
  #count(pa: number): void {
    const word = (pa - WORDS) / 4;
    if (word < 0 || word >= this.#executed.length || this.#executed[word] === 1) return;
    this.#executed[word] = 1;
    this.words++;
  }

  /** New random words, and tables and handlers as they were. */
  fill(choices: Choices): void {
    this.#executed.fill(0);
    const words = Uint32Array.from({ length: WORDS_BYTES / 4 }, () => randomWord(choices));
    const data = Uint32Array.from({ length: 1024 * 4 }, () => choices.bits(32));
    this.#machine.storage.restore([
      ...pagesOf(WORDS, new Uint8Array(words.buffer)),
      ...pagesOf(DATA, new Uint8Array(data.buffer)),
      ...pagesOf(TABLES, tables()),
    ]);
  }

  /** How it ended. */
  episode(choices: Choices): string {
    const machine = this.#machine;
    restoreMachine(machine, choices.of(this.#starts));
    machine.stopped = undefined;
    const { state, time } = machine;
    state.set('pc', BigInt(WORDS + 4 * choices.below(WORDS_BYTES / 4)));
    for (let n = 0; n < 31; n++) state.setX(n, BigInt.asUintN(64, randomValue(choices)));
    for (let n = 0; n < 64; n++) state.u64[VECTOR_BASE / 8 + n] = choices.bits64();
    state.nzcv = choices.bits(4) << 28;
    const loop = new RunLoop(machine);
    const limit = time.icount + EPISODE_INSTRUCTIONS;
    let stopped = loop.settle();
    while (!stopped && time.icount < limit) {
      stopped = loop.runPacket(loop.beginPacket(), limit);
      this.#takeBuffers();
    }
    return stopped ?? 'limit';
  }

  #takeBuffers(): void {
    if (!this.#recorded) return;
    const { atoms, targets, addresses, values, registers } = this.#machine.buffers;
    for (const words of [contents(atoms), contents(targets), contents(values), contents(registers)])
      this.#recorded.update(words);
    // Above the physical address is the way that the access took.
    this.#recorded.update(contents(addresses).map((address) => address & PHYSICAL_ADDRESS));
  }

  stateDigest(): Buffer {
    const hash = createHash('sha256');
    for (const section of Object.values(saveMachine(this.#machine))) hash.update(section);
    hash.update(this.#machine.memory.readBytes(DATA, 0x4000)!);
    if (this.#recorded) hash.update(this.#recorded.copy().digest()).update(JSON.stringify(this.#events));
    return hash.digest();
  }
}

/** Half of them of rows, so that UNDEFINED is not what is mostly executed. */
function randomWord(choices: Choices): number {
  if (choices.oneIn(2)) return choices.bits(32);
  const { pattern } = choices.of(ROWS);
  return assemble(
    pattern,
    Object.fromEntries(pattern.fields.map(({ name, width }) => [name, choices.field(width)])),
  );
}

/** Addresses of code, data, tables and devices, and anything. */
function randomValue(choices: Choices): bigint {
  switch (choices.below(8)) {
    case 0:
      return BigInt(WORDS + choices.below(WORDS_BYTES));
    case 1:
    case 2:
      return BigInt(DATA + choices.below(0x4000));
    case 3:
      return BigInt(DATA + 0x1000 * choices.below(4) + choices.below(64) - 32);
    case 4:
      return (
        BigInt(
          choices.of([0x0800_0000, 0x0801_0000, 0x080a_0000, 0x0900_0000, 0x0901_0000, 0x0a00_0000, TABLES]),
        ) + BigInt(4 * choices.below(1024))
      );
    default:
      return choices.value();
  }
}

function* pagesOf(address: number, bytes: Uint8Array) {
  for (let at = 0; at < bytes.length; at += 4096)
    yield { pa: BigInt(address + at), content: bytes.slice(at, at + 4096) };
}

/** Vectors of both levels: on at the next word, within WORDS. */
function handlers(): Uint8Array {
  const code = new Code(HANDLERS);
  for (const [el, vectors] of [
    [1, VECTORS_EL1],
    [2, VECTORS_EL2],
  ] as const)
    for (let entry = 0; entry < 16; entry++) {
      code.padTo(vectors + 0x80 * entry);
      code.msr(`TPIDR_EL${el}`, 30).mrs(30, `ELR_EL${el}`);
      code.addImmediate(30, 30, 4);
      code.emit('AND_imm', { sf: 1, n: 1, immr: 62, imms: 13, rn: 30, rd: 30 });
      code.emit('MOVK', { sf: 1, hw: 1, imm16: WORDS >>> 16, rd: 30 });
      code.msr(`ELR_EL${el}`, 30).mrs(30, `TPIDR_EL${el}`).emit('ERET');
    }
  return new Uint8Array(code.padTo(HANDLERS + 0x1000).finish().buffer);
}

const BLOCK = 0x701n;
const READ_ONLY_TO_ALL = 3n << 6n;
const WRITABLE_BY_ALL = 1n << 6n;
const DEVICE = 1n << 2n;

/** Levels 1 and 2 for stage 1 of EL1&0 and EL2&0, of EL2, and for stage 2, a page each. */
function tables(): Uint8Array {
  const words = new BigUint64Array(6 * 512);
  const build = (first: number, attributes: (address: number) => bigint, device: bigint) => {
    words[512 * first] = device;
    words[512 * first + 1] = BigInt(TABLES + 0x1000 * (first + 1)) | 3n;
    for (let n = 0; n < RAM_BYTES / MIB2; n++) {
      const address = 0x4000_0000 + n * MIB2;
      words[512 * (first + 1) + n] = BigInt(address) | BLOCK | attributes(address);
    }
  };
  const el1 = (address: number) =>
    address === DATA ? WRITABLE_BY_ALL : address < TABLES ? READ_ONLY_TO_ALL : 0n;
  build(0, el1, BLOCK | DEVICE | WRITABLE_BY_ALL);
  build(2, () => WRITABLE_BY_ALL, BLOCK | DEVICE | WRITABLE_BY_ALL);
  build(4, () => (3n << 6n) | (0xfn << 2n), BLOCK | (3n << 6n));
  return new Uint8Array(words.buffer);
}

function configure(machine: Machine, { el, mmu, hcr }: Configuration): void {
  const { registers, state } = machine;
  const vhe = (hcr & HCR_E2H) !== 0n;
  const ofEl2 = el === 2 || (hcr & HCR_TGE) !== 0n;
  const on = mmu ? 1n : 0n;
  const tcr = 0x2_0080_3519n | (25n << 16n);
  const values: { [name: string]: bigint } = {
    VBAR_EL1: BigInt(VECTORS_EL1),
    VBAR_EL2: BigInt(VECTORS_EL2),
    MAIR_EL1: 0x00ffn,
    MAIR_EL2: 0x00ffn,
    TCR_EL1: tcr,
    TTBR0_EL1: BigInt(TABLES),
    VTCR_EL2: 0x8002_3559n,
    VTTBR_EL2: BigInt(TABLES + 0x4000),
    CPACR_EL1: 3n << 20n,
    HCR_EL2: hcr,
    TCR_EL2: vhe ? tcr : 0x8082_3519n,
    TTBR0_EL2: BigInt(TABLES + (vhe ? 0 : 0x2000)),
    CPTR_EL2: vhe ? 3n << 20n : 0x33ffn,
    SCTLR_EL1: 0x34d5_d800n | (ofEl2 ? 0n : on),
    SCTLR_EL2: 0x30c5_0830n | (ofEl2 ? on : 0n),
  };
  for (const [name, value] of Object.entries(values)) registers.set(name, value);
  state.setSmall('el', el);
  state.setSmall('spsel', el === 0 ? 0 : 1);
  for (const cell of ['sp', 'spEl0', 'spEl1', 'spEl2'] as const) state.set(cell, BigInt(DATA + 0x2000));
  machine.reload();
}
