/**
 * The Large System Extensions' atomics (FEAT_LSE). Arm ARM C4.1.88, B2.9.
 *
 * A name is an operation, an ordering and a size: LDADD, LDADDA, LDADDAL, LDADDL, each with B, H, _32 and _64. The rows are
 * made of these parts. ST<op> is LD<op> to the zero register.
 *
 * Each is a read and then a write of the same place, which nothing comes between. It must be aligned (no FEAT_LSE2 here). A
 * compare-and-swap that does not find what it expects writes back what it read, which J1.1.3 (MemAtomicCompareAndSwap)
 * leaves open, as QEMU 7.2 does it: so every one of them needs the permission to write, and leaves two accesses.
 */

import type { Access, Emitter, Register, Value } from './emitter.ts';
import type { Fields } from './pattern.ts';
import { type Row, row } from './row.ts';

type Bytes = 1 | 2 | 4 | 8;

interface AtomicOperands {
  readonly rs: Register;
  readonly rn: Register;
  readonly rt: Register;
}

const sized = (e: Emitter, value: Value<64>, bytes: Bytes): Value<64> =>
  bytes === 8 ? value : e.zeroExtend(64, value, (8 * bytes) as 8 | 16 | 32);
const sizedSigned = (e: Emitter, value: Value<64>, bytes: Bytes): Value<64> =>
  bytes === 8 ? value : e.signExtend(64, value, (8 * bytes) as 8 | 16 | 32);

/** What is written, from what is in memory, zero-extended, and the register's whole value. The store takes the low bytes. */
type Operation = (e: Emitter, old: Value<64>, operand: Value<64>, bytes: Bytes) => Value<64>;
const choose =
  (extend: typeof sized, smaller: 'lessSigned' | 'lessUnsigned', takeSmaller: boolean): Operation =>
  (e, old, operand, bytes) => {
    const a = e.keep(extend(e, old, bytes));
    const b = e.keep(extend(e, operand, bytes));
    return takeSmaller ? e.select(e[smaller](a, b), a, b) : e.select(e[smaller](a, b), b, a);
  };

function readModifyWrite(
  e: Emitter,
  { rs, rn, rt }: AtomicOperands,
  bytes: Bytes,
  ordered: boolean,
  operation: Operation,
): void {
  const address = e.keep(e.xOrSp(rn, 64));
  const access: Access = { bytes, aligned: true, ordered };
  const old = e.keep(e.load({ ...access, atomic: true, stack: rn }, address));
  e.store(access, address, operation(e, old, e.x(rs, 64), bytes));
  e.setX(rt, old);
}

function compareAndSwap(e: Emitter, { rs, rn, rt }: AtomicOperands, bytes: Bytes, ordered: boolean): void {
  const address = e.keep(e.xOrSp(rn, 64));
  const access: Access = { bytes, aligned: true, ordered };
  const old = e.keep(e.load({ ...access, atomic: true, stack: rn }, address));
  const found = e.equal(old, sized(e, e.x(rs, 64), bytes));
  e.store(access, address, e.select(found, e.x(rt, 64), old));
  e.setX(rs, old);
}

/**
 * A pair of words is one access of a doubleword, a pair of doublewords is two accesses. The first registers are even, never
 * 31: with SP in its place, reading and writing them takes one operand of a record.
 */
function compareAndSwapPair32(e: Emitter, { rs, rn, rt }: AtomicOperands, ordered: boolean): void {
  const address = e.keep(e.xOrSp(rn, 64));
  const access: Access = { bytes: 8, aligned: true, ordered };
  const half = e.constant(64, 32);
  const pair = (first: Register) =>
    e.or(e.zeroExtend(64, e.xOrSp(first, 32), 32), e.shiftLeft(e.x(e.following(first), 64), half));
  const old = e.keep(e.load({ ...access, atomic: true, stack: rn }, address));
  e.store(access, address, e.select(e.equal(old, pair(rs)), pair(rt), old));
  e.setXOrSp(rs, e.low(old));
  e.setX(e.following(rs), e.shiftRight(old, half));
}
function compareAndSwapPair64(e: Emitter, { rs, rn, rt }: AtomicOperands, ordered: boolean): void {
  const address = e.keep(e.xOrSp(rn, 64));
  const upper = e.keep(e.add(address, e.constant(64, 8)));
  const first: Access = { bytes: 8, aligned: true, alignment: 16, ordered };
  const second: Access = { bytes: 8, ordered };
  const low = e.keep(e.load({ ...first, atomic: true, stack: rn }, address));
  const high = e.keep(e.load(second, upper));
  const found = e.keep(e.and(e.equal(low, e.xOrSp(rs, 64)), e.equal(high, e.x(e.following(rs), 64))));
  e.store(first, address, e.select(found, e.xOrSp(rt, 64), low));
  e.store(second, upper, e.select(found, e.x(e.following(rt), 64), high));
  e.setXOrSp(rs, low);
  e.setX(e.following(rs), high);
}

const LSE = { feature: 'LSE' };
/** Pairs of registers begin with an even one. */
const paired = { ...LSE, unallocated: ({ rs, rt }: Fields<'rs' | 'rt'>) => rs % 2 === 1 || rt % 2 === 1 };

// biome-ignore format: a table
const OPERATIONS: readonly (readonly [name: string, opcode: string, operation: Operation])[] = [
  ['LDADD',  '0 000', (e, old, operand) => e.add(old, operand)],
  ['LDCLR',  '0 001', (e, old, operand) => e.and(old, e.not(operand))],
  ['LDEOR',  '0 010', (e, old, operand) => e.xor(old, operand)],
  ['LDSET',  '0 011', (e, old, operand) => e.or(old, operand)],
  ['LDSMAX', '0 100', choose(sizedSigned, 'lessSigned', false)],
  ['LDSMIN', '0 101', choose(sizedSigned, 'lessSigned', true)],
  ['LDUMAX', '0 110', choose(sized, 'lessUnsigned', false)],
  ['LDUMIN', '0 111', choose(sized, 'lessUnsigned', true)],
  ['SWP',    '1 000', (_e, _old, operand) => operand],
];
// Acquire and release, the bits A and R; L and o0 where the instruction compares.
// biome-ignore format: a table
const ORDERINGS = [
  ['',   '0', '0'],
  ['A',  '1', '0'],
  ['AL', '1', '1'],
  ['L',  '0', '1'],
] as const;
const SIZES = [
  ['B', '00', 1],
  ['H', '01', 2],
  ['_32', '10', 4],
  ['_64', '11', 8],
] as const;

/** The patterns are put together, and so have no literal type to read the names of fields from. */
type AtomicPattern = 'rs:5 rn:5 rt:5';

const everyAtomic = (make: (ordering: string, a: string, r: string, size: (typeof SIZES)[number]) => Row) =>
  SIZES.flatMap((size) => ORDERINGS.map(([ordering, a, r]) => make(ordering, a, r, size)));

export const atomics: readonly Row[] = [
  // Compare and swap
  ...everyAtomic((ordering, a, r, [suffix, size, bytes]) => {
    const pattern = `${size} 0010001 ${a} 1 rs:5 ${r} 11111 rn:5 rt:5` as AtomicPattern;
    return row(`CAS${ordering}${suffix}`, pattern, LSE, (operands, e) =>
      compareAndSwap(e, operands, bytes, ordering !== ''),
    );
  }),
  // Compare and swap pair
  ...ORDERINGS.flatMap(([ordering, a, r]) => [
    row(
      `CASP${ordering}_32`,
      `00 0010000 ${a} 1 rs:5 ${r} 11111 rn:5 rt:5` as AtomicPattern,
      paired,
      (operands, e) => compareAndSwapPair32(e, operands, ordering !== ''),
    ),
    row(
      `CASP${ordering}_64`,
      `01 0010000 ${a} 1 rs:5 ${r} 11111 rn:5 rt:5` as AtomicPattern,
      paired,
      (operands, e) => compareAndSwapPair64(e, operands, ordering !== ''),
    ),
  ]),
  // Atomic memory operations
  ...OPERATIONS.flatMap(([name, opcode, operation]) =>
    everyAtomic((ordering, a, r, [suffix, size, bytes]) => {
      const pattern = `${size} 111000 ${a} ${r} 1 rs:5 ${opcode} 00 rn:5 rt:5` as AtomicPattern;
      return row(`${name}${ordering}${suffix}`, pattern, LSE, (operands, e) =>
        readModifyWrite(e, operands, bytes, ordering !== '', operation),
      );
    }),
  ),
];
