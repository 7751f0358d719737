/** What an image reported: the log, stream by stream, and the scratch area; and the comparison of two of them. */
import {
  END_WORDS,
  ENDED,
  EXCEPTION_WORDS,
  LOG,
  LOG_END,
  LOG_POINTER,
  SCRATCH,
  SCRATCH_PAGES,
} from './layout.ts';

export interface ExceptionRecord {
  /** Exception level that took it, and the vector's offset from VBAR. */
  readonly el: number;
  readonly vector: number;
  readonly esr: bigint;
  readonly elr: bigint;
  readonly far: bigint;
  readonly spsr: bigint;
  readonly hpfar: bigint;
}

export interface StreamOutcome {
  readonly exceptions: readonly ExceptionRecord[];
  /** X0 to X30, SP_EL0, SP_EL1, SP_EL2, PSTATE, FPCR, FPSR, V0 to V31 (lower half first), digest of the scratch area at the end. */
  readonly final: readonly bigint[];
}

export interface Outcome {
  readonly streams: readonly StreamOutcome[];
  readonly scratch: Uint8Array;
}

/** Reads RAM after the image has ended; `read` gives the bytes at a physical address. */
export function readOutcome(read: (address: number, length: number) => Uint8Array, count: number): Outcome {
  const end = Number(new BigUint64Array(read(LOG_POINTER, 8).slice().buffer)[0]);
  const log = read(LOG, Math.max(0, Math.min(end, LOG_END) - LOG));
  const words = new BigUint64Array(log.buffer.slice(log.byteOffset, log.byteOffset + log.byteLength));
  const streams: StreamOutcome[] = [];
  let exceptions: ExceptionRecord[] = [];
  let at = 0;
  while (streams.length < count && at < words.length) {
    const kind = Number(words[at]);
    if (kind === ENDED) {
      streams.push({ exceptions, final: [...words.subarray(at + 1, at + END_WORDS)] });
      exceptions = [];
      at += END_WORDS;
    } else if (kind >= 16 && kind < 48) {
      const [esr, elr, far, spsr, hpfar] = words.subarray(at + 1, at + EXCEPTION_WORDS);
      const el = kind >> 4;
      const record = visible(el, { esr, elr, far, spsr, hpfar });
      exceptions.push({ el, vector: (kind & 15) * 0x80, ...record });
      at += EXCEPTION_WORDS;
    } else break; // it ended early
  }
  return { streams, scratch: read(SCRATCH, 0x1000 * SCRATCH_PAGES).slice() };
}

/** Bits of a syndrome that QEMU 7.2 gets wrong (docs/qemu-differences.md). */
function unreliable(el: number, esr: bigint): bigint {
  const ec = Number(esr >> 26n);
  // ISV and what it makes valid, for EL2's own stage 1 faults.
  if (el === 2 && ec === 0x25) return 0x1ff_c000n;
  // op1 and op2 are exchanged for MSR (immediate): op0 is 0, CRn is 4.
  if (ec === 0x18 && (esr & 0x30_3c00n) === 0x1000n) return 0xf_c000n;
  return 0n;
}

/** FAR and HPFAR are UNKNOWN except for the exceptions that set them. D17.2.40, D17.2.63. */
function visible(
  el: number,
  record: Omit<ExceptionRecord, 'el' | 'vector'>,
): Omit<ExceptionRecord, 'el' | 'vector'> {
  const { esr } = record;
  const ec = Number(esr >> 26n);
  const status = Number(esr & 0x3fn);
  const abort = ec === 0x20 || ec === 0x21 || ec === 0x24 || ec === 0x25;
  const s1ptw = (esr & 0x80n) !== 0n;
  // To EL2 from below: translation, access flag and permission faults of stage 2 (permission only on a stage 1 walk).
  const lower = ec === 0x20 || ec === 0x24;
  const hpfar = lower && status < 0x10 && (status < 0xc || s1ptw);
  return {
    ...record,
    esr: esr & ~unreliable(el, esr),
    far: abort || ec === 0x22 ? record.far : 0n,
    hpfar: hpfar ? record.hpfar : 0n,
  };
}

/** The first difference in words, or undefined. `ours` may be any back end; `theirs` is QEMU. */
export function firstDifference(
  theirs: Outcome,
  ours: Outcome,
): { stream: number; what: string } | undefined {
  for (let n = 0; n < theirs.streams.length; n++) {
    const what = streamDifference(theirs.streams[n], ours.streams[n]);
    if (what) return { stream: n, what };
  }
  const at = theirs.scratch.findIndex((byte, i) => byte !== ours.scratch[i]);
  if (at < 0) return undefined;
  const address = `0x${(SCRATCH + at).toString(16)}`;
  return {
    stream: -1,
    what: `memory at ${address}: QEMU ${theirs.scratch[at]}, machine ${ours.scratch[at]}`,
  };
}

const hex = (value: bigint | number | undefined) =>
  value === undefined ? 'nothing' : `0x${value.toString(16)}`;
export const FINAL_NAMES = [
  ...Array.from({ length: 31 }, (_, n) => `x${n}`),
  'sp_el0',
  'sp_el1',
  'sp_el2',
  'pstate',
  'fpcr',
  'fpsr',
  ...Array.from({ length: 32 }, (_, n) => [`v${n}.d[0]`, `v${n}.d[1]`]).flat(),
  'memory (even words)',
  'memory (odd words)',
];

function streamDifference(theirs: StreamOutcome, ours: StreamOutcome | undefined): string | undefined {
  if (!ours) return 'the machine did not finish it';
  const count = Math.max(theirs.exceptions.length, ours.exceptions.length);
  for (let i = 0; i < count; i++) {
    const [a, b] = [theirs.exceptions[i], ours.exceptions[i]];
    const keys = ['el', 'vector', 'esr', 'elr', 'far', 'spsr', 'hpfar'] as const;
    const differing = keys.filter((key) => a?.[key] !== b?.[key]);
    if (differing.length)
      return `exception ${i}: ${differing.map((key) => `${key} QEMU ${hex(a?.[key])}, machine ${hex(b?.[key])}`).join('; ')}`;
  }
  const differing = FINAL_NAMES.flatMap((name, i) =>
    theirs.final[i] === ours.final[i]
      ? []
      : [`${name} QEMU ${hex(theirs.final[i])}, machine ${hex(ours.final[i])}`],
  );
  return differing.length ? `at the end: ${differing.join('; ')}` : undefined;
}
