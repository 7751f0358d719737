/** A test image: driver, tables and thousands of random streams, as the files that a machine loads. */
import type { Row } from '../../../src/isa/row.ts';
import { type Configuration, randomConfiguration } from './configuration.ts';
import { driver } from './driver.ts';
import { classOf, type EncodingClass } from './encoding_classes.ts';
import {
  CODE,
  CODE_END,
  DESCRIPTOR_WORDS,
  DESCRIPTORS,
  DESCRIPTORS_END,
  DRIVER,
  SCRATCH,
  SCRATCH_PAGES,
} from './layout.ts';
import { Choices } from './randomness.ts';
import { randomState, randomStream, type State, type Stream } from './stream.ts';
import { randomTables } from './tables.ts';
import { type Target, targetOf } from './target.ts';
import { VectorPool } from './vectors.ts';

export interface Piece {
  readonly address: number;
  readonly bytes: Uint8Array;
}

/** One execution of a stream. */
export interface Run {
  readonly stream: Stream;
  readonly state: State;
}

export interface ImageOptions {
  readonly seed: number;
  readonly streams: number;
  /** Units in a stream. */
  readonly length: number;
  /** How often each stream runs, each time from another state. The second time, its code may be a region. */
  readonly rounds: number;
  readonly cpu: string;
  /** Three units of four are of this class. */
  readonly focus?: EncodingClass;
  /** Rows that units are made of; all that the CPU has where it is absent. */
  readonly only?: RegExp;
}

export interface TestImage {
  readonly options: ImageOptions;
  readonly target: Target;
  readonly streams: readonly Stream[];
  /** In the order in which they are executed. */
  readonly runs: readonly Run[];
  readonly entry: number;
  readonly pieces: readonly Piece[];
}

/** So many streams are executed one after the other before their next round. */
const GROUP = 100;

/** Every row in turn, in a new random order each time, so that none is left out. */
function* shuffled(choices: Choices, chosen: readonly Row[]): Generator<Row, never> {
  if (chosen.length === 0) throw new Error('no row to make units of');
  for (;;) {
    const rows = [...chosen];
    for (let i = rows.length - 1; i > 0; i--) {
      const j = choices.below(i + 1);
      [rows[i], rows[j]] = [rows[j], rows[i]];
    }
    yield* rows;
  }
}

function rowChooser({ focus, only }: ImageOptions, target: Target, choices: Choices): () => Row {
  const all = target.rows.filter(({ name }) => !only || only.test(name));
  const others = shuffled(choices, all);
  if (!focus) return () => others.next().value;
  const inClass = shuffled(
    choices,
    all.filter((row) => classOf(row) === focus),
  );
  return () => (choices.oneIn(4) ? others : inClass).next().value;
}

export function buildImage(options: ImageOptions): TestImage {
  const { seed, streams: count, length, rounds } = options;
  const target = targetOf(options.cpu);
  const choices = new Choices(seed);
  const tables = randomTables(choices, target);
  const pool = new VectorPool(choices, target);
  const nextRow = rowChooser(options, target, choices);
  const streams: Stream[] = [];
  const configurations: Configuration[] = [];
  // Behind a margin: literal loads reach back.
  let address = CODE + 256;
  for (let n = 0; n < count; n++) {
    const configuration = randomConfiguration(choices, target, tables);
    const surroundings = {
      target,
      el: configuration.el,
      alignedOnly: !configuration.mmu,
      scratch: { base: SCRATCH, size: 0x1000 * SCRATCH_PAGES },
    };
    const stream = randomStream(address, length, choices, surroundings, nextRow);
    streams.push(stream);
    configurations.push(configuration);
    address += 4 * stream.words.length;
    if (address > CODE_END - 0x1_0000) throw new Error(`${count} streams of ${length} units do not fit`);
  }
  const order: number[] = [];
  for (let first = 0; first < count; first += GROUP)
    for (let round = 0; round < rounds; round++)
      for (let n = first; n < Math.min(count, first + GROUP); n++) order.push(n);
  const runs = order.map((n) => ({
    stream: streams[n],
    state: randomState(streams[n].surroundings.el, choices, pool, target),
  }));
  if (runs.length >= (DESCRIPTORS_END - DESCRIPTORS) / (8 * DESCRIPTOR_WORDS))
    throw new Error(`${runs.length} runs do not fit`);
  const descriptors = new BigUint64Array(runs.length * DESCRIPTOR_WORDS + 1);
  runs.forEach((run, i) => {
    writeDescriptor(descriptors, i * DESCRIPTOR_WORDS, configurations[order[i]], run);
  });
  const code = new Uint32Array((address - CODE) / 4 + 64);
  for (const stream of streams) code.set(stream.words, (stream.address - CODE) / 4);
  const scratch = new Uint32Array(1024 * SCRATCH_PAGES).map(() => choices.bits(32));
  const bytes = (array: Uint32Array | BigUint64Array) => new Uint8Array(array.buffer);
  return {
    ...{ options, target, streams, runs, entry: DRIVER },
    pieces: [
      { address: DRIVER, bytes: bytes(driver(tables.registers)) },
      { address: tables.address, bytes: tables.bytes },
      { address: DESCRIPTORS, bytes: bytes(descriptors) },
      { address: CODE, bytes: bytes(code) },
      { address: SCRATCH, bytes: bytes(scratch) },
    ],
  };
}

function writeDescriptor(words: BigUint64Array, at: number, configuration: Configuration, run: Run): void {
  const { stream, state } = run;
  const spsr = (BigInt(state.nzcv) << 28n) | 0x3c0n | BigInt(configuration.el << 2) | BigInt(state.spsel);
  const { hcr, sctlrEl1, sctlrEl2, tcrEl2, ttbr0El2 } = configuration;
  const all = [
    ...[hcr, sctlrEl1, sctlrEl2, spsr, BigInt(stream.address)],
    ...state.stackPointers,
    ...state.registers,
    state.fpcr,
    state.fpsr,
    ...state.vectors,
    BigInt(state.traps.fpen) << 20n,
    configuration.vectorTraps(state.traps),
    tcrEl2,
    ttbr0El2,
  ];
  for (let i = 0; i < all.length; i++) words[at + i] = BigInt.asUintN(64, all[i]);
}
