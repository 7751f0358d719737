/** A stream: random units laid out at an address; and the random states that it starts from. */
import type { Row } from '../../../src/isa/row.ts';
import { instruction } from './assembler.ts';
import type { Choices } from './randomness.ts';
import type { Target } from './target.ts';
import { randomUnit, type Surroundings, type Unit } from './units.ts';
import { randomFpcr, randomTraps, type VectorPool } from './vectors.ts';

export interface Stream {
  readonly surroundings: Surroundings;
  readonly address: number;
  readonly words: Uint32Array;
}

/** What a run of a stream starts from. */
export interface State {
  /** X0 to X30. */
  readonly registers: readonly bigint[];
  /** SP_EL0 and the SP of the stream's own level; multiples of 16. */
  readonly stackPointers: readonly [bigint, bigint];
  readonly fpcr: bigint;
  readonly fpsr: bigint;
  /** CPACR_EL1.FPEN is 3 and CPTR_EL2.TFP 0 if nothing is trapped; now and then vectors are. */
  readonly traps: { readonly fpen: number; readonly tfp: boolean };
  /** V0 to V31, lower half first. */
  readonly vectors: BigUint64Array;
  /** NZCV in bits 3..0. */
  readonly nzcv: number;
  /** PSTATE.SP; 0 at EL0. */
  readonly spsel: number;
}

/** Ends a stream: trapped from EL0 and EL1 (HCR_EL2.TWI), taken at EL2. */
const ending = (el: number) => (el === 2 ? instruction('HVC', { imm16: 0xffff }) : instruction('WFI'));

export function randomStream(
  address: number,
  length: number,
  choices: Choices,
  surroundings: Surroundings,
  nextRow: () => Row,
): Stream {
  const units: Unit[] = Array.from({ length }, () => randomUnit(nextRow(), choices, surroundings));
  return { surroundings, address, words: layOut(units, ending(surroundings.el), address) };
}

export function randomState(el: number, choices: Choices, pool: VectorPool, target: Target): State {
  return {
    registers: Array.from({ length: 31 }, () => BigInt.asUintN(64, choices.value())),
    stackPointers: [choices.value() & ~15n, choices.value() & ~15n],
    fpcr: randomFpcr(choices, target),
    fpsr: choices.oneIn(4) ? BigInt(choices.bits(32)) & 0x0800_009fn : 0n,
    traps: randomTraps(choices),
    vectors: pool.file(choices),
    nzcv: choices.bits(4),
    spsel: el === 0 ? 0 : choices.below(2),
  };
}

function layOut(units: readonly Unit[], last: number, address: number): Uint32Array {
  const starts: number[] = [];
  const words: number[] = [];
  for (const { words: own } of units) {
    starts.push(words.length);
    words.push(...own);
  }
  starts.push(words.length);
  // WFI is no target of an indirect branch: QEMU 7.2 forgets PSTATE.BTYPE when it traps (docs/qemu-differences.md).
  words.push(instruction('HINT'), last, last, last);
  units.forEach(({ targets }, i) => {
    for (const { word, kind, unitsAhead } of targets) {
      const at = starts[i] + word;
      const offset = starts[Math.min(i + unitsAhead, units.length)] - at;
      if (kind === 'literal') words[at] ^= ((address / 4 + at + (words[at] >>> 5)) & 1) << 5;
      else if (kind === 'imm26') words[at] |= offset & 0x3ff_ffff;
      else if (kind === 'imm19') words[at] |= (offset & 0x7_ffff) << 5;
      else if (kind === 'imm14') words[at] |= (offset & 0x3fff) << 5;
      else words[at] |= (offset & 0x7_ffff) << 5;
    }
  });
  return Uint32Array.from(words, (word) => word >>> 0);
}
