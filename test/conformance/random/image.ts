/** A test image: driver, tables and thousands of random streams, as the files that a machine loads. */
import { driver } from './driver.ts';
import { CODE, CODE_END, DESCRIPTOR_WORDS, DESCRIPTORS, DRIVER, SCRATCH, SCRATCH_PAGES } from './layout.ts';
import { Choices } from './randomness.ts';
import { randomStream, type Stream } from './stream.ts';
import { randomTables } from './tables.ts';
import { TESTED_ROWS } from './units.ts';

export interface Piece {
  readonly address: number;
  readonly bytes: Uint8Array;
}

export interface TestImage {
  readonly seed: number;
  readonly streams: readonly Stream[];
  readonly entry: number;
  readonly pieces: readonly Piece[];
}

/** SCTLR without M; A (alignment checks) at random. SA is off: QEMU has no SP alignment faults. */
const SCTLR_EL1 = 0x30d0_0800n;
const SCTLR_EL2 = 0x30c5_0830n;
const HCR = { VM: 1n, TWI: 1n << 13n, TSC: 1n << 19n, RW: 1n << 31n };

interface Configuration {
  readonly el: 0 | 1 | 2;
  readonly mmu: boolean;
  readonly stage2: boolean;
  readonly hcr: bigint;
  readonly sctlrEl1: bigint;
  readonly sctlrEl2: bigint;
}

function randomConfiguration(choices: Choices): Configuration {
  const el = choices.of([0, 1, 2] as const);
  const mmu = !choices.oneIn(4);
  const stage2 = el < 2 && choices.oneIn(2);
  const on = mmu ? 1n : 0n;
  const alignment = choices.oneIn(4) ? 2n : 0n;
  // UMA, DZE, UCT, nTWI, nTWE, UCI: what EL0 may do. nTWI is 1, so that WFI traps to EL2 and not to EL1.
  const el0 = [9n, 14n, 15n, 26n].reduce(
    (bits, n) => bits | (choices.oneIn(2) ? 1n << n : 0n),
    (1n << 16n) | (1n << 18n),
  );
  return {
    ...{ el, mmu, stage2 },
    hcr: HCR.RW | HCR.TWI | (stage2 ? HCR.VM : 0n) | (choices.oneIn(2) ? HCR.TSC : 0n),
    sctlrEl1: SCTLR_EL1 | el0 | (el < 2 ? on | alignment : 0n),
    sctlrEl2: SCTLR_EL2 | (el === 2 ? on | alignment : 1n),
  };
}

/** Every row in turn, in a new random order each time, so that none is left out. */
function* shuffledRows(choices: Choices, only?: RegExp): Generator<(typeof TESTED_ROWS)[number], never> {
  const chosen = TESTED_ROWS.filter(({ name }) => !only || only.test(name));
  for (;;) {
    const rows = [...chosen];
    for (let i = rows.length - 1; i > 0; i--) {
      const j = choices.below(i + 1);
      [rows[i], rows[j]] = [rows[j], rows[i]];
    }
    yield* rows;
  }
}

export interface ImageOptions {
  readonly seed: number;
  readonly streams: number;
  /** Units in a stream. */
  readonly length: number;
  /** Rows that units are made of; all where it is absent. */
  readonly only?: RegExp;
}

export function buildImage({ seed, streams: count, length, only }: ImageOptions): TestImage {
  const choices = new Choices(seed);
  const tables = randomTables(choices);
  const rows = shuffledRows(choices, only);
  const nextRow = () => rows.next().value;
  const descriptors = new BigUint64Array(count * DESCRIPTOR_WORDS + 1);
  const streams: Stream[] = [];
  // Behind a margin: literal loads reach back.
  let address = CODE + 256;
  for (let n = 0; n < count; n++) {
    const configuration = randomConfiguration(choices);
    const surroundings = {
      el: configuration.el,
      alignedOnly: !configuration.mmu,
      scratch: { base: SCRATCH, size: 0x1000 * SCRATCH_PAGES },
    };
    const stream = randomStream(address, length, choices, surroundings, nextRow);
    streams.push(stream);
    descriptors.set(descriptor(configuration, stream), n * DESCRIPTOR_WORDS);
    address += 4 * stream.words.length;
    if (address > CODE_END - 0x1_0000) throw new Error(`${count} streams of ${length} units do not fit`);
  }
  const code = new Uint32Array((address - CODE) / 4 + 64);
  for (const stream of streams) code.set(stream.words, (stream.address - CODE) / 4);
  const scratch = new Uint32Array(1024 * SCRATCH_PAGES).map(() => choices.bits(32));
  const bytes = (array: Uint32Array | BigUint64Array) => new Uint8Array(array.buffer);
  return {
    ...{ seed, streams, entry: DRIVER },
    pieces: [
      { address: DRIVER, bytes: bytes(driver(tables.registers)) },
      { address: tables.address, bytes: tables.bytes },
      { address: DESCRIPTORS, bytes: bytes(descriptors) },
      { address: CODE, bytes: bytes(code) },
      { address: SCRATCH, bytes: bytes(scratch) },
    ],
  };
}

function descriptor({ el, hcr, sctlrEl1, sctlrEl2 }: Configuration, stream: Stream): BigUint64Array {
  const spsr = (BigInt(stream.nzcv) << 28n) | 0x3c0n | BigInt(el << 2) | BigInt(stream.spsel);
  const words = [
    hcr,
    sctlrEl1,
    sctlrEl2,
    spsr,
    BigInt(stream.address),
    ...stream.stackPointers,
    ...stream.registers,
    stream.fpcr,
    stream.fpsr,
    ...stream.vectors,
    ...stream.traps,
  ];
  return BigUint64Array.from(words, (word) => BigInt.asUintN(64, word));
}
