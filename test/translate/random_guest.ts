/**
 * Random guests at EL1 that change their translation while hot loops run: page-table edits with and without invalidation, switches
 * of ASID and (by HVC) of VMID, code that is mapped elsewhere or written, and exceptions in loops. For comparing back ends: all must
 * agree, also where the architecture leaves to the TLB what is seen. X0 to X15 and the vectors are random; the rest is the frame.
 */
import { Code } from '../conformance/random/assembler.ts';
import {
  BASE,
  INDEX,
  INNER,
  OUTER,
  PROGRAM_BASE,
  randomInstruction,
  SCRATCH_REGISTERS,
} from './random_program.ts';

const [T0, T1, CALLEE] = [16, 17, 24];
const VECTORS_EL1 = PROGRAM_BASE + 0x1_0000;
const VECTORS_EL2 = VECTORS_EL1 + 0x800;
/** Twelve pages that are mapped by level 3: eight of data, four of code. */
const WINDOWS = 0x4060_0000;
const DATA_WINDOWS = 8;
const CODE_WINDOWS = 4;
/** What they map to: 16 pages of data, then 4 of code; VMID 2 sees the next 2 MiB instead. */
const FRAMES = 0x4080_0000;
const FRAMES_OF_VMID2 = FRAMES + 0x20_0000;
const CODE_FRAMES = FRAMES + 0x1_0000;
const TABLES = 0x4100_0000;
const SPACES = 3;
const MIB2 = 0x20_0000;

const spaceTable = (space: number) => TABLES + 0x4000 * space;
const windowEntry = (space: number, window: number) => spaceTable(space) + 0x2000 + 8 * window;
const ttbr = (space: number) => BigInt(spaceTable(space)) | (BigInt(1 + space) << 48n);
const stage2Table = (vmid: number) => TABLES + 0x2_0000 + 0x2000 * (vmid - 1);
const vttbr = (vmid: number) => BigInt(stage2Table(vmid)) | (BigInt(vmid) << 48n);

const BLOCK = 0x701n;
const PAGE = 0x703n;
const NOT_GLOBAL = 1n << 11n;
const STAGE2 = (0xfn << 2n) | (3n << 6n);
/** TLBI VAE1, VAAE1, ASIDE1, VMALLE1. */
const INVALIDATIONS = [1, 3, 2, 0];

export interface GuestFile {
  readonly address: number;
  readonly bytes: Uint8Array;
}

/** Files to load; the first one is where execution starts, at EL2. */
export function randomGuest(random: () => number, iterations: number): GuestFile[] {
  const below = (n: number) => Math.floor(random() * n);
  const code = new Code(PROGRAM_BASE);
  const straight = (count: number, into: number[] = code.words) => {
    for (let n = 0; n < count; n++) into.push(randomInstruction(below));
  };
  start(code);
  for (let rd = 0; rd < SCRATCH_REGISTERS; rd++)
    code.emit('MOVZ', { sf: 1, hw: below(4), imm16: below(65536), rd });
  code.mov(OUTER, iterations);
  code.label('again');

  /** Near a page's border, so that accesses cross from one mapping to the other. */
  const rebase = () => {
    code.mov(BASE, WINDOWS + 0x1000 * below(DATA_WINDOWS) + 8 * (below(3) ? below(512) : 508 + below(8)));
    code.mov(INDEX, below(64));
  };
  let loops = 0;
  const loop = () => {
    const head = `loop${loops++}`;
    code.mov(INNER, 1 + below(30)).label(head);
    straight(1 + below(6));
    if (below(3) === 0) [call, trap][below(2)]();
    code.emit('SUBS_imm', { sf: 1, rn: INNER, rd: INNER, imm12: 1 }).bCond(1, head);
  };
  /** A function in a window: which one, is up to the tables. */
  const call = () => {
    code.mov(CALLEE, WINDOWS + 0x1000 * (DATA_WINDOWS + below(CODE_WINDOWS))).emit('BLR', { rn: CALLEE });
  };
  /** The handler skips what follows an SVC. */
  const trap = () => {
    if (below(2)) code.emit('SVC', { imm16: below(16) }).emit('HINT');
    else code.emit('UDF', { imm16: below(16) });
  };
  const invalidate = (space: number, window: number) => {
    code.mov(T0, BigInt((WINDOWS >>> 12) + window) | (BigInt(1 + space) << 48n));
    code.dsb().emit('SYS', { op1: 0, crn: 8, crm: 7, op2: INVALIDATIONS[below(4)], rt: T0 });
    code.dsb().isb();
  };
  /** Another frame of the same kind, or valid no more or again. */
  const remap = () => {
    const space = below(SPACES);
    const window = below(DATA_WINDOWS + CODE_WINDOWS);
    const bit = below(6) === 0 ? 0 : 12 + below(window < DATA_WINDOWS ? 4 : 2);
    code.mov(T0, windowEntry(space, window)).ldr(T1, T0);
    code.emit('EOR_imm', { sf: 1, n: 1, immr: (64 - bit) % 64, imms: 0, rn: T1, rd: T1 }).str(T1, T0);
    if (below(4)) invalidate(space, window);
  };
  const switchSpace = () =>
    code
      .mov(T0, ttbr(below(SPACES)))
      .msr('TTBR0_EL1', T0)
      .isb();
  const switchGuest = () => code.emit('HVC', { imm16: below(16) });
  /** The immediate of an instruction of a frame of code, by its own address. */
  const patch = () => {
    code.mov(T0, CODE_FRAMES + 0x1000 * below(4) + 8);
    code.emit('LDR_32_imm', { rn: T0, rt: T1 });
    code.emit('EOR_imm', { sf: 0, n: 0, immr: 22, imms: 1, rn: T1, rd: T1 });
    code.emit('STR_32_imm', { rn: T0, rt: T1 });
  };
  const parts = [loop, loop, loop, call, call, trap, remap, remap, switchSpace, switchGuest, patch, rebase];
  rebase();
  for (let n = 0; n < 40; n++) {
    if (below(3) === 0) rebase();
    parts[below(parts.length)]();
  }
  code.emit('SUBS_imm', { sf: 1, rn: OUTER, rd: OUTER, imm12: 1 }).bCond(0, 'off').b('again');
  code.label('off').mov(0, 0x8400_0008).emit('SMC').label('stop').b('stop');
  vectors(code);

  const functionOf = (n: number) => {
    const words: number[] = [];
    straight(2, words);
    const add = new Code(0).emit('ADD_imm', { sf: 1, rn: 1, rd: 1, imm12: 1 + n });
    words.push(...add.words);
    straight(1 + below(5), words);
    words.push(...new Code(0).emit('RET', { rn: 30 }).words);
    return words;
  };
  const frames = (salt: number) => {
    const words = Uint32Array.from({ length: (16 + 4) * 1024 }, () => below(2 ** 32));
    for (let n = 0; n < 4; n++) words.set(functionOf(4 * salt + n), 1024 * (16 + n));
    return words;
  };
  return [
    { address: PROGRAM_BASE, bytes: new Uint8Array(code.finish().buffer) },
    { address: FRAMES, bytes: new Uint8Array(frames(0).buffer) },
    { address: FRAMES_OF_VMID2, bytes: new Uint8Array(frames(1).buffer) },
    { address: TABLES, bytes: tables(below) },
  ];
}

/** From EL2 to EL1 with both stages on. */
function start(code: Code): void {
  code.mov(0, VECTORS_EL1).msr('VBAR_EL1', 0).mov(0, VECTORS_EL2).msr('VBAR_EL2', 0);
  code.mov(0, 0xff).msr('MAIR_EL1', 0);
  // T0SZ 25, 4 KiB, write-back, inner shareable; no walks through TTBR1; 40-bit physical addresses; 16-bit ASIDs.
  code.mov(0, (1n << 36n) | 0x2_0080_3519n | (25n << 16n)).msr('TCR_EL1', 0);
  code.mov(0, ttbr(0)).msr('TTBR0_EL1', 0);
  code.mov(0, 0x8002_3559).msr('VTCR_EL2', 0).mov(0, vttbr(1)).msr('VTTBR_EL2', 0);
  // RW and VM; keys of pointer authentication are not trapped.
  code.mov(0, (1n << 31n) | 1n | (3n << 40n)).msr('HCR_EL2', 0);
  code
    .mov(0, 0x30d0_0801)
    .msr('SCTLR_EL1', 0)
    .mov(0, 3 << 20)
    .msr('CPACR_EL1', 0)
    .mov(0, 0x33ff)
    .msr('CPTR_EL2', 0);
  code.mov(0, WINDOWS + 0x800).msr('SP_EL1', 0);
  code.mov(0, 0x3c5).msr('SPSR_EL2', 0).adr(0, 'el1').msr('ELR_EL2', 0).isb().tlbiAll().dsb().isb();
  code.emit('ERET').label('el1');
}

/** An instruction that faults is skipped; a function that cannot be fetched has returned; HVC exchanges the guests. */
function vectors(code: Code): void {
  code.padTo(VECTORS_EL1 + 0x200);
  const skip = (el: 1 | 2) =>
    code.mrs(T0, `ELR_EL${el}`).addImmediate(T0, T0, 4).msr(`ELR_EL${el}`, T0).emit('ERET');
  const shiftToClass = () => code.emit('UBFM', { sf: 1, n: 1, immr: 26, imms: 63, rn: T0, rd: T0 });
  const isClass = (ec: number) => code.emit('SUBS_imm', { sf: 1, rn: T0, rd: 31, imm12: ec });
  code.mrs(T0, 'ESR_EL1');
  shiftToClass();
  isClass(0x21);
  code.bCond(0, 'unfetched');
  skip(1);
  code.label('unfetched').msr('ELR_EL1', 30).emit('ERET');
  code.padTo(VECTORS_EL2 + 0x400).mrs(T0, 'ESR_EL2');
  shiftToClass();
  isClass(0x16);
  code.bCond(0, 'exchange');
  skip(2);
  code
    .label('exchange')
    .mrs(T0, 'VTTBR_EL2')
    .mov(T1, vttbr(1) ^ vttbr(2));
  code.emit('EOR_shift', { sf: 1, rm: T1, rn: T0, rd: T0 }).msr('VTTBR_EL2', T0).isb().emit('ERET');
}

/** Spaces with levels 1, 2 and 3; two stage 2s with levels 1 and 2. Everything one to one but the windows, and VMID 2's frames. */
function tables(below: (n: number) => number): Uint8Array {
  const words = new BigUint64Array(0x2_4000 / 8);
  const at = (address: number) => (address - TABLES) / 8;
  const identity = (table: number, attributes: bigint) => {
    for (let pa = 0x4000_0000; pa < 0x4400_0000; pa += MIB2)
      words[at(table) + (pa - 0x4000_0000) / MIB2] = BigInt(pa) | BLOCK | attributes;
  };
  for (let space = 0; space < SPACES; space++) {
    const table = spaceTable(space);
    words[at(table) + 1] = BigInt(table + 0x1000) | 3n;
    identity(table + 0x1000, 0n);
    words[at(table) + 512 + (WINDOWS - 0x4000_0000) / MIB2] = BigInt(table + 0x2000) | 3n;
    for (let window = 0; window < DATA_WINDOWS + CODE_WINDOWS; window++) {
      const frame = window < DATA_WINDOWS ? FRAMES + 0x1000 * below(16) : CODE_FRAMES + 0x1000 * below(4);
      // A few are shared by all spaces.
      words[at(windowEntry(space, window))] = BigInt(frame) | PAGE | (below(5) ? NOT_GLOBAL : 0n);
    }
  }
  for (const vmid of [1, 2]) {
    const table = stage2Table(vmid);
    words[at(table) + 1] = BigInt(table + 0x1000) | 3n;
    identity(table + 0x1000, STAGE2);
    if (vmid === 2)
      words[at(table) + 512 + (FRAMES - 0x4000_0000) / MIB2] = BigInt(FRAMES_OF_VMID2) | BLOCK | STAGE2;
  }
  return new Uint8Array(words.buffer);
}
