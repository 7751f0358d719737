/**
 * Advanced SIMD loads and stores of structures. Arm ARM C4.1.88.
 *
 * Multiple structures go through memory in pieces of a register's size, lowest address first, aligned to their elements: a
 * piece is one access. Single structures are one access for each element.
 */
import type { Emitter, Register, Value } from './emitter.ts';
import type { Fields } from './pattern.ts';
import { row } from './row.ts';
import type { LaneBits, Vector, VectorRegister } from './vector_emitter.ts';
import { laneBits } from './vectors.ts';

type PostIndex = 'none' | 'immediate' | 'register';
/** The post-indexed forms add Xm, or where that is XZR the number of bytes transferred. */
const postIndexForm = (post: boolean, fields: Fields): PostIndex =>
  !post ? 'none' : fields.rm === 31 ? 'immediate' : 'register';

const consecutive = (post: boolean) => ({
  feature: 'AdvSIMD',
  shape: (fields: Fields<'q' | 'size'>) => ({
    q: fields.q,
    bits: laneBits(fields.size),
    index: postIndexForm(post, fields),
  }),
});
/** Interleaving single doublewords would be the same as not interleaving. */
const interleaved = (post: boolean) => ({
  ...consecutive(post),
  unallocated: ({ q, size }: Fields<'q' | 'size'>) => !q && size === 3,
});
interface Operands {
  readonly q: number;
  readonly bits: LaneBits;
  readonly index: PostIndex;
  readonly rn: Register;
  readonly vt: VectorRegister;
  /** In post-indexed forms. */
  readonly rm?: Register;
}

function writeBack(
  e: Emitter,
  { index, rn, rm }: Pick<Operands, 'index' | 'rn' | 'rm'>,
  base: Value<64>,
  bytes: number,
): void {
  if (index === 'none') return;
  e.setXOrSp(rn, e.add(base, index === 'register' ? e.x(rm as Register, 64) : e.constant(64, bytes)));
}

type Pieces = (e: Emitter, operands: Operands, registers: readonly VectorRegister[], base: Value<64>) => void;
const transfer = (move: Pieces, count: number) => (operands: Operands, e: Emitter) => {
  const base = e.keep(e.xOrSp(operands.rn, 64));
  const registers = Array.from({ length: count }, (_, i) => e.vector.after(operands.vt, i));
  move(e, operands, registers, base);
  writeBack(e, operands, base, count * pieceBytes(operands));
};

const pieceBytes = ({ q }: Pick<Operands, 'q'>) => (q ? 16 : 8);
const access = ({ bits, rn }: Operands, piece: number) => ({
  alignment: (bits / 8) as 1 | 2 | 4 | 8,
  ...(piece === 0 ? { stack: rn } : {}),
});
function loadPiece(e: Emitter, operands: Operands, base: Value<64>, piece: number): Vector {
  const address = e.add(base, e.constant(64, piece * pieceBytes(operands)));
  if (operands.q) return e.vector.load(access(operands, piece), address);
  return e.vector.fromLow(e.load({ bytes: 8, ...access(operands, piece) }, address));
}
function storePiece(e: Emitter, operands: Operands, base: Value<64>, piece: number, value: Vector): void {
  const address = e.add(base, e.constant(64, piece * pieceBytes(operands)));
  if (operands.q) e.vector.store(access(operands, piece), address, value);
  else e.store({ bytes: 8, ...access(operands, piece) }, address, e.vector.lane(64, value, 0));
}

const loadConsecutive: Pieces = (e, operands, registers, base) => {
  const pieces = registers.map((_, i) => loadPiece(e, operands, base, i));
  registers.forEach((register, i) => {
    e.vector.write(register, pieces[i], 16);
  });
};
const storeConsecutive: Pieces = (e, operands, registers, base) =>
  registers.forEach((register, i) => {
    storePiece(e, operands, base, i, e.vector.read(register));
  });

/** The bytes of all sources in a row, by index. */
function gather(e: Emitter, sources: readonly Vector[], indices: readonly number[]): Vector {
  let gathered = sources[0];
  sources.forEach((source, i) => {
    if (i > 0 || sources.length === 1)
      gathered = e.vector.shuffle(
        gathered,
        source,
        indices.map((index, at) => {
          if (Math.floor(index / 16) === i && i > 0) return 16 + (index % 16);
          // The first shuffle takes from source 0; later ones keep what is there.
          return i <= 1 && index < 16 ? index : at;
        }),
      );
  });
  return gathered;
}

/** Register r has elements r, r + n, r + 2n, ... of memory. */
const loadInterleaved: Pieces = (e, operands, registers, base) => {
  const pieces = registers.map((_, i) => loadPiece(e, operands, base, i));
  const [bytes, size] = [pieceBytes(operands), operands.bits / 8];
  registers.forEach((register, r) => {
    const indices = Array.from({ length: bytes }, (_, i) => {
      const inMemory = (Math.floor(i / size) * registers.length + r) * size + (i % size);
      return 16 * Math.floor(inMemory / bytes) + (inMemory % bytes);
    });
    e.vector.write(register, gather(e, pieces, padded(indices)), bytes);
  });
};
const storeInterleaved: Pieces = (e, operands, registers, base) => {
  const values = registers.map((register) => e.vector.read(register));
  const [bytes, size] = [pieceBytes(operands), operands.bits / 8];
  registers.forEach((_, piece) => {
    const indices = Array.from({ length: bytes }, (_unused, i) => {
      const element = Math.floor((piece * bytes + i) / size);
      const lane = Math.floor(element / registers.length);
      return 16 * (element % registers.length) + lane * size + (i % size);
    });
    storePiece(e, operands, base, piece, gather(e, values, padded(indices)));
  });
};
const padded = (indices: readonly number[]) => Array.from({ length: 16 }, (_, i) => indices[i] ?? 0);

/** The element's index is in Q, S and size, as far as they do not say its size. */
const single = (bits: LaneBits, post: boolean) => ({
  feature: 'AdvSIMD',
  shape: (fields: Fields) => ({ index: postIndexForm(post, fields) }),
  bytes: {
    element: ({ q, s = 0, size = 0 }: Fields) => {
      if (bits === 8) return (q << 3) | (s << 2) | size;
      if (bits === 16) return (q << 2) | (s << 1) | size;
      return bits === 32 ? (q << 1) | s : q;
    },
  },
});
interface SingleOperands extends Omit<Operands, 'q' | 'bits'> {
  readonly element: Value<32>;
}
function elements(e: Emitter, bits: LaneBits, { rn, vt }: Pick<Operands, 'rn' | 'vt'>, count: number) {
  const base = e.keep(e.xOrSp(rn, 64));
  const bytes = (bits / 8) as 1 | 2 | 4 | 8;
  const parts = Array.from({ length: count }, (_, i) => ({
    register: e.vector.after(vt, i),
    access: { bytes, ...(i === 0 ? { stack: rn } : {}) },
    address: e.add(base, e.constant(64, i * bytes)),
  }));
  return { base, bytes, parts };
}
const loadSingle = (bits: LaneBits, count: number) => (operands: SingleOperands, e: Emitter) => {
  const { base, bytes, parts } = elements(e, bits, operands, count);
  const values = parts.map(({ access: how, address }) => e.load(how, address));
  parts.forEach(({ register }, i) => {
    e.vector.setElement(bits, register, operands.element, values[i]);
  });
  writeBack(e, operands, base, count * bytes);
};
const storeSingle = (bits: LaneBits, count: number) => (operands: SingleOperands, e: Emitter) => {
  const { base, bytes, parts } = elements(e, bits, operands, count);
  for (const { register, access: how, address } of parts)
    e.store(how, address, e.vector.element(bits, register, operands.element));
  writeBack(e, operands, base, count * bytes);
};

const replicated = consecutive;
const loadReplicated = (count: number) => (operands: Operands, e: Emitter) => {
  const { base, bytes, parts } = elements(e, operands.bits, operands, count);
  const values = parts.map(({ access: how, address }) => e.load(how, address));
  parts.forEach(({ register }, i) => {
    e.vector.write(register, e.vector.splat(operands.bits, values[i]), pieceBytes(operands));
  });
  writeBack(e, operands, base, count * bytes);
};

// biome-ignore format: a table
export const loadStoreStructures = [
  // Advanced SIMD load/store multiple structures
  row('ST4_mult',         '0 q:1 0011000 0 000000 0000 size:2 rn:5 vt:5', interleaved(false), transfer(storeInterleaved, 4)),
  row('LD4_mult',         '0 q:1 0011000 1 000000 0000 size:2 rn:5 vt:5', interleaved(false), transfer(loadInterleaved, 4)),
  row('ST1_mult_4',       '0 q:1 0011000 0 000000 0010 size:2 rn:5 vt:5', consecutive(false), transfer(storeConsecutive, 4)),
  row('LD1_mult_4',       '0 q:1 0011000 1 000000 0010 size:2 rn:5 vt:5', consecutive(false), transfer(loadConsecutive, 4)),
  row('ST3_mult',         '0 q:1 0011000 0 000000 0100 size:2 rn:5 vt:5', interleaved(false), transfer(storeInterleaved, 3)),
  row('LD3_mult',         '0 q:1 0011000 1 000000 0100 size:2 rn:5 vt:5', interleaved(false), transfer(loadInterleaved, 3)),
  row('ST1_mult_3',       '0 q:1 0011000 0 000000 0110 size:2 rn:5 vt:5', consecutive(false), transfer(storeConsecutive, 3)),
  row('LD1_mult_3',       '0 q:1 0011000 1 000000 0110 size:2 rn:5 vt:5', consecutive(false), transfer(loadConsecutive, 3)),
  row('ST1_mult_1',       '0 q:1 0011000 0 000000 0111 size:2 rn:5 vt:5', consecutive(false), transfer(storeConsecutive, 1)),
  row('LD1_mult_1',       '0 q:1 0011000 1 000000 0111 size:2 rn:5 vt:5', consecutive(false), transfer(loadConsecutive, 1)),
  row('ST2_mult',         '0 q:1 0011000 0 000000 1000 size:2 rn:5 vt:5', interleaved(false), transfer(storeInterleaved, 2)),
  row('LD2_mult',         '0 q:1 0011000 1 000000 1000 size:2 rn:5 vt:5', interleaved(false), transfer(loadInterleaved, 2)),
  row('ST1_mult_2',       '0 q:1 0011000 0 000000 1010 size:2 rn:5 vt:5', consecutive(false), transfer(storeConsecutive, 2)),
  row('LD1_mult_2',       '0 q:1 0011000 1 000000 1010 size:2 rn:5 vt:5', consecutive(false), transfer(loadConsecutive, 2)),

  // Advanced SIMD load/store multiple structures (post-indexed)
  row('ST4_mult_post',    '0 q:1 0011001 0 0 rm:5 0000 size:2 rn:5 vt:5', interleaved(true), transfer(storeInterleaved, 4)),
  row('LD4_mult_post',    '0 q:1 0011001 1 0 rm:5 0000 size:2 rn:5 vt:5', interleaved(true), transfer(loadInterleaved, 4)),
  row('ST1_mult_4_post',  '0 q:1 0011001 0 0 rm:5 0010 size:2 rn:5 vt:5', consecutive(true), transfer(storeConsecutive, 4)),
  row('LD1_mult_4_post',  '0 q:1 0011001 1 0 rm:5 0010 size:2 rn:5 vt:5', consecutive(true), transfer(loadConsecutive, 4)),
  row('ST3_mult_post',    '0 q:1 0011001 0 0 rm:5 0100 size:2 rn:5 vt:5', interleaved(true), transfer(storeInterleaved, 3)),
  row('LD3_mult_post',    '0 q:1 0011001 1 0 rm:5 0100 size:2 rn:5 vt:5', interleaved(true), transfer(loadInterleaved, 3)),
  row('ST1_mult_3_post',  '0 q:1 0011001 0 0 rm:5 0110 size:2 rn:5 vt:5', consecutive(true), transfer(storeConsecutive, 3)),
  row('LD1_mult_3_post',  '0 q:1 0011001 1 0 rm:5 0110 size:2 rn:5 vt:5', consecutive(true), transfer(loadConsecutive, 3)),
  row('ST1_mult_1_post',  '0 q:1 0011001 0 0 rm:5 0111 size:2 rn:5 vt:5', consecutive(true), transfer(storeConsecutive, 1)),
  row('LD1_mult_1_post',  '0 q:1 0011001 1 0 rm:5 0111 size:2 rn:5 vt:5', consecutive(true), transfer(loadConsecutive, 1)),
  row('ST2_mult_post',    '0 q:1 0011001 0 0 rm:5 1000 size:2 rn:5 vt:5', interleaved(true), transfer(storeInterleaved, 2)),
  row('LD2_mult_post',    '0 q:1 0011001 1 0 rm:5 1000 size:2 rn:5 vt:5', interleaved(true), transfer(loadInterleaved, 2)),
  row('ST1_mult_2_post',  '0 q:1 0011001 0 0 rm:5 1010 size:2 rn:5 vt:5', consecutive(true), transfer(storeConsecutive, 2)),
  row('LD1_mult_2_post',  '0 q:1 0011001 1 0 rm:5 1010 size:2 rn:5 vt:5', consecutive(true), transfer(loadConsecutive, 2)),

  // Advanced SIMD load/store single structure
  row('ST1_sngl_8',       '0 q:1 0011010 0 0 00000 000 s:1 size:2 rn:5 vt:5', single(8, false), storeSingle(8, 1)),
  row('LD1_sngl_8',       '0 q:1 0011010 1 0 00000 000 s:1 size:2 rn:5 vt:5', single(8, false), loadSingle(8, 1)),
  row('ST1_sngl_16',      '0 q:1 0011010 0 0 00000 010 s:1 size:1 0 rn:5 vt:5', single(16, false), storeSingle(16, 1)),
  row('LD1_sngl_16',      '0 q:1 0011010 1 0 00000 010 s:1 size:1 0 rn:5 vt:5', single(16, false), loadSingle(16, 1)),
  row('ST1_sngl_32',      '0 q:1 0011010 0 0 00000 100 s:1 00 rn:5 vt:5', single(32, false), storeSingle(32, 1)),
  row('LD1_sngl_32',      '0 q:1 0011010 1 0 00000 100 s:1 00 rn:5 vt:5', single(32, false), loadSingle(32, 1)),
  row('ST1_sngl_64',      '0 q:1 0011010 0 0 00000 100 0 01 rn:5 vt:5', single(64, false), storeSingle(64, 1)),
  row('LD1_sngl_64',      '0 q:1 0011010 1 0 00000 100 0 01 rn:5 vt:5', single(64, false), loadSingle(64, 1)),
  row('LD1R',             '0 q:1 0011010 1 0 00000 110 0 size:2 rn:5 vt:5', replicated(false), loadReplicated(1)),
  row('ST2_sngl_8',       '0 q:1 0011010 0 1 00000 000 s:1 size:2 rn:5 vt:5', single(8, false), storeSingle(8, 2)),
  row('LD2_sngl_8',       '0 q:1 0011010 1 1 00000 000 s:1 size:2 rn:5 vt:5', single(8, false), loadSingle(8, 2)),
  row('ST2_sngl_16',      '0 q:1 0011010 0 1 00000 010 s:1 size:1 0 rn:5 vt:5', single(16, false), storeSingle(16, 2)),
  row('LD2_sngl_16',      '0 q:1 0011010 1 1 00000 010 s:1 size:1 0 rn:5 vt:5', single(16, false), loadSingle(16, 2)),
  row('ST2_sngl_32',      '0 q:1 0011010 0 1 00000 100 s:1 00 rn:5 vt:5', single(32, false), storeSingle(32, 2)),
  row('LD2_sngl_32',      '0 q:1 0011010 1 1 00000 100 s:1 00 rn:5 vt:5', single(32, false), loadSingle(32, 2)),
  row('ST2_sngl_64',      '0 q:1 0011010 0 1 00000 100 0 01 rn:5 vt:5', single(64, false), storeSingle(64, 2)),
  row('LD2_sngl_64',      '0 q:1 0011010 1 1 00000 100 0 01 rn:5 vt:5', single(64, false), loadSingle(64, 2)),
  row('LD2R',             '0 q:1 0011010 1 1 00000 110 0 size:2 rn:5 vt:5', replicated(false), loadReplicated(2)),
  row('ST3_sngl_8',       '0 q:1 0011010 0 0 00000 001 s:1 size:2 rn:5 vt:5', single(8, false), storeSingle(8, 3)),
  row('LD3_sngl_8',       '0 q:1 0011010 1 0 00000 001 s:1 size:2 rn:5 vt:5', single(8, false), loadSingle(8, 3)),
  row('ST3_sngl_16',      '0 q:1 0011010 0 0 00000 011 s:1 size:1 0 rn:5 vt:5', single(16, false), storeSingle(16, 3)),
  row('LD3_sngl_16',      '0 q:1 0011010 1 0 00000 011 s:1 size:1 0 rn:5 vt:5', single(16, false), loadSingle(16, 3)),
  row('ST3_sngl_32',      '0 q:1 0011010 0 0 00000 101 s:1 00 rn:5 vt:5', single(32, false), storeSingle(32, 3)),
  row('LD3_sngl_32',      '0 q:1 0011010 1 0 00000 101 s:1 00 rn:5 vt:5', single(32, false), loadSingle(32, 3)),
  row('ST3_sngl_64',      '0 q:1 0011010 0 0 00000 101 0 01 rn:5 vt:5', single(64, false), storeSingle(64, 3)),
  row('LD3_sngl_64',      '0 q:1 0011010 1 0 00000 101 0 01 rn:5 vt:5', single(64, false), loadSingle(64, 3)),
  row('LD3R',             '0 q:1 0011010 1 0 00000 111 0 size:2 rn:5 vt:5', replicated(false), loadReplicated(3)),
  row('ST4_sngl_8',       '0 q:1 0011010 0 1 00000 001 s:1 size:2 rn:5 vt:5', single(8, false), storeSingle(8, 4)),
  row('LD4_sngl_8',       '0 q:1 0011010 1 1 00000 001 s:1 size:2 rn:5 vt:5', single(8, false), loadSingle(8, 4)),
  row('ST4_sngl_16',      '0 q:1 0011010 0 1 00000 011 s:1 size:1 0 rn:5 vt:5', single(16, false), storeSingle(16, 4)),
  row('LD4_sngl_16',      '0 q:1 0011010 1 1 00000 011 s:1 size:1 0 rn:5 vt:5', single(16, false), loadSingle(16, 4)),
  row('ST4_sngl_32',      '0 q:1 0011010 0 1 00000 101 s:1 00 rn:5 vt:5', single(32, false), storeSingle(32, 4)),
  row('LD4_sngl_32',      '0 q:1 0011010 1 1 00000 101 s:1 00 rn:5 vt:5', single(32, false), loadSingle(32, 4)),
  row('ST4_sngl_64',      '0 q:1 0011010 0 1 00000 101 0 01 rn:5 vt:5', single(64, false), storeSingle(64, 4)),
  row('LD4_sngl_64',      '0 q:1 0011010 1 1 00000 101 0 01 rn:5 vt:5', single(64, false), loadSingle(64, 4)),
  row('LD4R',             '0 q:1 0011010 1 1 00000 111 0 size:2 rn:5 vt:5', replicated(false), loadReplicated(4)),

  // Advanced SIMD load/store single structure (post-indexed)
  row('ST1_sngl_8_post',  '0 q:1 0011011 0 0 rm:5 000 s:1 size:2 rn:5 vt:5', single(8, true), storeSingle(8, 1)),
  row('LD1_sngl_8_post',  '0 q:1 0011011 1 0 rm:5 000 s:1 size:2 rn:5 vt:5', single(8, true), loadSingle(8, 1)),
  row('ST1_sngl_16_post', '0 q:1 0011011 0 0 rm:5 010 s:1 size:1 0 rn:5 vt:5', single(16, true), storeSingle(16, 1)),
  row('LD1_sngl_16_post', '0 q:1 0011011 1 0 rm:5 010 s:1 size:1 0 rn:5 vt:5', single(16, true), loadSingle(16, 1)),
  row('ST1_sngl_32_post', '0 q:1 0011011 0 0 rm:5 100 s:1 00 rn:5 vt:5', single(32, true), storeSingle(32, 1)),
  row('LD1_sngl_32_post', '0 q:1 0011011 1 0 rm:5 100 s:1 00 rn:5 vt:5', single(32, true), loadSingle(32, 1)),
  row('ST1_sngl_64_post', '0 q:1 0011011 0 0 rm:5 100 0 01 rn:5 vt:5', single(64, true), storeSingle(64, 1)),
  row('LD1_sngl_64_post', '0 q:1 0011011 1 0 rm:5 100 0 01 rn:5 vt:5', single(64, true), loadSingle(64, 1)),
  row('LD1R_post',        '0 q:1 0011011 1 0 rm:5 110 0 size:2 rn:5 vt:5', replicated(true), loadReplicated(1)),
  row('ST2_sngl_8_post',  '0 q:1 0011011 0 1 rm:5 000 s:1 size:2 rn:5 vt:5', single(8, true), storeSingle(8, 2)),
  row('LD2_sngl_8_post',  '0 q:1 0011011 1 1 rm:5 000 s:1 size:2 rn:5 vt:5', single(8, true), loadSingle(8, 2)),
  row('ST2_sngl_16_post', '0 q:1 0011011 0 1 rm:5 010 s:1 size:1 0 rn:5 vt:5', single(16, true), storeSingle(16, 2)),
  row('LD2_sngl_16_post', '0 q:1 0011011 1 1 rm:5 010 s:1 size:1 0 rn:5 vt:5', single(16, true), loadSingle(16, 2)),
  row('ST2_sngl_32_post', '0 q:1 0011011 0 1 rm:5 100 s:1 00 rn:5 vt:5', single(32, true), storeSingle(32, 2)),
  row('LD2_sngl_32_post', '0 q:1 0011011 1 1 rm:5 100 s:1 00 rn:5 vt:5', single(32, true), loadSingle(32, 2)),
  row('ST2_sngl_64_post', '0 q:1 0011011 0 1 rm:5 100 0 01 rn:5 vt:5', single(64, true), storeSingle(64, 2)),
  row('LD2_sngl_64_post', '0 q:1 0011011 1 1 rm:5 100 0 01 rn:5 vt:5', single(64, true), loadSingle(64, 2)),
  row('LD2R_post',        '0 q:1 0011011 1 1 rm:5 110 0 size:2 rn:5 vt:5', replicated(true), loadReplicated(2)),
  row('ST3_sngl_8_post',  '0 q:1 0011011 0 0 rm:5 001 s:1 size:2 rn:5 vt:5', single(8, true), storeSingle(8, 3)),
  row('LD3_sngl_8_post',  '0 q:1 0011011 1 0 rm:5 001 s:1 size:2 rn:5 vt:5', single(8, true), loadSingle(8, 3)),
  row('ST3_sngl_16_post', '0 q:1 0011011 0 0 rm:5 011 s:1 size:1 0 rn:5 vt:5', single(16, true), storeSingle(16, 3)),
  row('LD3_sngl_16_post', '0 q:1 0011011 1 0 rm:5 011 s:1 size:1 0 rn:5 vt:5', single(16, true), loadSingle(16, 3)),
  row('ST3_sngl_32_post', '0 q:1 0011011 0 0 rm:5 101 s:1 00 rn:5 vt:5', single(32, true), storeSingle(32, 3)),
  row('LD3_sngl_32_post', '0 q:1 0011011 1 0 rm:5 101 s:1 00 rn:5 vt:5', single(32, true), loadSingle(32, 3)),
  row('ST3_sngl_64_post', '0 q:1 0011011 0 0 rm:5 101 0 01 rn:5 vt:5', single(64, true), storeSingle(64, 3)),
  row('LD3_sngl_64_post', '0 q:1 0011011 1 0 rm:5 101 0 01 rn:5 vt:5', single(64, true), loadSingle(64, 3)),
  row('LD3R_post',        '0 q:1 0011011 1 0 rm:5 111 0 size:2 rn:5 vt:5', replicated(true), loadReplicated(3)),
  row('ST4_sngl_8_post',  '0 q:1 0011011 0 1 rm:5 001 s:1 size:2 rn:5 vt:5', single(8, true), storeSingle(8, 4)),
  row('LD4_sngl_8_post',  '0 q:1 0011011 1 1 rm:5 001 s:1 size:2 rn:5 vt:5', single(8, true), loadSingle(8, 4)),
  row('ST4_sngl_16_post', '0 q:1 0011011 0 1 rm:5 011 s:1 size:1 0 rn:5 vt:5', single(16, true), storeSingle(16, 4)),
  row('LD4_sngl_16_post', '0 q:1 0011011 1 1 rm:5 011 s:1 size:1 0 rn:5 vt:5', single(16, true), loadSingle(16, 4)),
  row('ST4_sngl_32_post', '0 q:1 0011011 0 1 rm:5 101 s:1 00 rn:5 vt:5', single(32, true), storeSingle(32, 4)),
  row('LD4_sngl_32_post', '0 q:1 0011011 1 1 rm:5 101 s:1 00 rn:5 vt:5', single(32, true), loadSingle(32, 4)),
  row('ST4_sngl_64_post', '0 q:1 0011011 0 1 rm:5 101 0 01 rn:5 vt:5', single(64, true), storeSingle(64, 4)),
  row('LD4_sngl_64_post', '0 q:1 0011011 1 1 rm:5 101 0 01 rn:5 vt:5', single(64, true), loadSingle(64, 4)),
  row('LD4R_post',        '0 q:1 0011011 1 1 rm:5 111 0 size:2 rn:5 vt:5', replicated(true), loadReplicated(4)),
];
