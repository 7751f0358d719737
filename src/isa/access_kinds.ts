/**
 * The loads and stores that an instruction makes, from its opcode: what gives the addresses of an `accesses` packet their
 * meaning. Arm ARM C4.1.94 (Loads and Stores). Pairs make two accesses, in the order of their registers; multiple structures one
 * for each register, in the order of addresses; single structures one for each element. Atomics make their loads, then their
 * stores.
 */

/** Number of accesses, their size in bytes, and what they do. */
export interface AccessKind {
  readonly count: 1 | 2 | 3 | 4;
  readonly size: number;
  /** How many of them are loads: the first ones. */
  readonly loads: number;
}

const kind = (count: AccessKind['count'], size: number, store: boolean): AccessKind => ({
  count,
  size,
  loads: store ? 0 : count,
});

const atomic = (places: 1 | 2, size: number): AccessKind => ({
  count: places === 1 ? 2 : 4,
  size,
  loads: places,
});

/** STXR, STXP and their ordered forms; CASP has a pair's bit and a size that STXP has not. Whether it stores is an atom of the flow. */
export const isStoreExclusive = (opcode: number): boolean =>
  (opcode & 0x3fc0_0000) === 0x0800_0000 && (opcode & 0x8020_0000) !== 0x0020_0000;

const PAGE = 4096n;

/**
 * How many rows of `accesses` an instruction has made when its access at `address` faults: those of its accesses before that one,
 * two for one that crosses a 4 KiB page. `base` is the value of its base register.
 */
export function accessesBefore(opcode: number, base: bigint, address: bigint): number {
  const access = accessKind(opcode);
  if (access === undefined || access.count === 1) return 0;
  const isPair = (opcode & 0x3a000000) === 0x28000000;
  const isPostIndexed = ((opcode >>> 23) & 3) === 1;
  const imm7 = (opcode << 10) >> 25;
  const first = isPair && !isPostIndexed ? base + BigInt(imm7 * access.size) : base;
  const places = access.loads % access.count || access.count;
  let rows = 0;
  for (let i = 0; i < access.count; i++) {
    const at = BigInt.asUintN(64, first + BigInt((i % places) * access.size));
    const size = BigInt(access.size);
    if (BigInt.asUintN(64, address - at) < size) break;
    rows += (at % PAGE) + size > PAGE ? 2 : 1;
  }
  return rows;
}

/** undefined: the instruction accesses no memory, or only through other means than its operands (DC ZVA: table writes). */
export function accessKind(opcode: number): AccessKind | undefined {
  const size = opcode >>> 30;
  const isVector = ((opcode >>> 26) & 1) === 1;
  const isLoad = ((opcode >>> 22) & 1) === 1;
  if ((opcode & 0x3f000000) === 0x08000000) return exclusiveOrOrdered(opcode, size, isLoad);
  if ((opcode & 0x3b000000) === 0x18000000) return literal(size, isVector);
  if ((opcode & 0x3a000000) === 0x28000000) {
    const bytes = isVector ? 4 << size : size === 2 ? 8 : 4;
    return kind(2, bytes, !isLoad);
  }
  if ((opcode & 0xbe000000) === 0x0c000000) return structures(opcode, !isLoad);
  if ((opcode & 0x3a000000) === 0x38000000) return register(opcode, size, isVector);
  if ((opcode & 0x3f200c00) === 0x19000000) return unscaledOrdered(opcode, size);
  return undefined;
}

function exclusiveOrOrdered(opcode: number, size: number, isLoad: boolean): AccessKind | undefined {
  const isOrdered = ((opcode >>> 23) & 1) === 1;
  const isPair = ((opcode >>> 21) & 1) === 1;
  // CAS; CASP of words is one doubleword.
  if (isOrdered) return isPair ? atomic(1, 1 << size) : kind(1, 1 << size, !isLoad);
  if (isPair && size < 2)
    return ((opcode >>> 10) & 31) !== 31 ? undefined : size === 0 ? atomic(1, 8) : atomic(2, 8);
  // LDXP and STXP of words are one doubleword.
  return isPair && size === 2 ? kind(1, 8, !isLoad) : kind(isPair ? 2 : 1, 1 << size, !isLoad);
}

/** Registers by the opcode field of multiple structures. */
const STRUCTURE_REGISTERS = { 0: 4, 2: 4, 4: 3, 6: 3, 7: 1, 8: 2, 10: 2 } as const;

function structures(opcode: number, isStore: boolean): AccessKind | undefined {
  const size = (opcode >>> 10) & 3;
  if (((opcode >>> 24) & 1) === 0) {
    const registers = STRUCTURE_REGISTERS[((opcode >>> 12) & 15) as keyof typeof STRUCTURE_REGISTERS];
    return registers && kind(registers, opcode & 0x4000_0000 ? 16 : 8, isStore);
  }
  const scale = (opcode >>> 14) & 3;
  const elements = (1 + ((opcode >>> 21) & 1) + 2 * ((opcode >>> 13) & 1)) as AccessKind['count'];
  // Words and doublewords share a scale; replicated ones have the size apart.
  const bytes = scale === 3 ? 1 << size : scale === 2 && size === 1 ? 8 : 1 << scale;
  return kind(elements, bytes, isStore);
}

function literal(opc: number, isVector: boolean): AccessKind | undefined {
  if (isVector) return opc === 3 ? undefined : kind(1, 4 << opc, false);
  // LDR W, LDR X, LDRSW, PRFM.
  return [kind(1, 4, false), kind(1, 8, false), kind(1, 4, false), undefined][opc];
}

function register(opcode: number, size: number, isVector: boolean): AccessKind | undefined {
  const isUnsignedOffset = ((opcode >>> 24) & 1) === 1;
  const isRegisterOffset = ((opcode >>> 21) & 1) === 1;
  if (!isUnsignedOffset && isRegisterOffset && ((opcode >>> 10) & 3) !== 2)
    return isVector ? undefined : extended(opcode, size);
  const opc = (opcode >>> 22) & 3;
  if (isVector) return kind(1, opc & 2 ? 16 : 1 << size, (opc & 1) === 0);
  if (size === 3 && opc === 2) return undefined;
  return kind(1, 1 << size, opc === 0);
}

/** Atomics and LDAPR (bits 11:10 are 00), LDRAA and LDRAB (bit 10 is 1), where bits 29:21 are those of a register offset. */
function extended(opcode: number, size: number): AccessKind | undefined {
  if (opcode & 0x400) return size === 3 ? kind(1, 8, false) : undefined;
  const operation = (opcode >>> 12) & 15;
  if (operation <= 8) return atomic(1, 1 << size);
  return operation === 12 ? kind(1, 1 << size, false) : undefined;
}

/** STLUR, LDAPUR and their kin. */
function unscaledOrdered(opcode: number, size: number): AccessKind | undefined {
  return kind(1, 1 << size, ((opcode >>> 22) & 3) === 0);
}
