/**
 * The part of a test image that is the same in all: sets the machine up, starts one stream after the other, logs every
 * exception and every stream's final state.
 *
 * A handler needs registers and must lose none: X30 goes to TPIDR_ELx, the others to a fixed place. Exceptions go on at the next instruction; after SVC, HVC at the return address; after a
 * fetch that faulted where TPIDR_EL0 says.
 */
import { Code } from './assembler.ts';
import {
  DESCRIPTOR_FPCR,
  DESCRIPTOR_POINTER,
  DESCRIPTOR_TRANSLATION,
  DESCRIPTOR_TRAPS,
  DESCRIPTOR_VECTORS,
  DESCRIPTOR_WORDS,
  DESCRIPTORS,
  DRIVER,
  END_DIGEST,
  END_FPCR,
  END_VECTORS,
  END_WORDS,
  ENDED,
  EXCEPTION_WORDS,
  HANDLERS,
  LOG,
  LOG_POINTER,
  SAVED_EL1,
  SAVED_EL2,
  SCRATCH,
  SCRATCH_PAGES,
  VECTORS_EL1,
  VECTORS_EL2,
} from './layout.ts';
import type { Registers } from './tables.ts';

const SAVED = { 1: SAVED_EL1, 2: SAVED_EL2 };
const EC = { trappedWait: 0x01, branchTarget: 0x0d, svc: 0x15, hvc: 0x16 };
const [EQ, NE, LS] = [0, 1, 9];
/** No translation, no VHE: what the driver does between two runs needs neither. */
const HCR_BETWEEN_RUNS = 1n << 31n;
const SCTLR_EL2_BETWEEN_RUNS = 0x30c5_0830n;
/** CPTR_EL2 without HCR_EL2.E2H: its bits that are RES1; with it: FPEN. */
const VECTORS_NOT_TRAPPED = 0x30_33ff;

/** Compares Xn with a small constant. */
const compare = (code: Code, rn: number, imm12: number) =>
  code.emit('SUBS_imm', { sf: 1, rn, rd: 31, imm12 });
const shiftRight = (code: Code, rd: number, rn: number, by: number) =>
  code.emit('UBFM', { sf: 1, n: 1, immr: by, imms: 63, rn, rd });

export function driver(registers: Registers): Uint32Array {
  const code = new Code(DRIVER);
  const set = (name: keyof Registers) => code.mov(0, registers[name] ?? 0).msr(name, 0);
  code.mov(0, VECTORS_EL1).msr('VBAR_EL1', 0).mov(0, VECTORS_EL2).msr('VBAR_EL2', 0);
  for (const name of Object.keys(registers) as (keyof Registers)[]) set(name);
  code.mov(0, LOG).mov(1, LOG_POINTER).str(0, 1).mov(0, DESCRIPTORS).mov(1, DESCRIPTOR_POINTER).str(0, 1);
  code.isb().tlbiAll().dsb().isb();
  startStream(code);
  code.padTo(VECTORS_EL1);
  vectors(code, 1);
  code.padTo(VECTORS_EL2);
  vectors(code, 2);
  code.padTo(HANDLERS);
  handler(code, 1);
  handler(code, 2);
  return code.finish();
}

function startStream(code: Code): void {
  code.label('next').mov(30, DESCRIPTOR_POINTER).ldr(29, 30);
  code.ldr(0, 29, 0).cbz(0, 'off');
  // With HCR_EL2.E2H these names would mean registers of EL2.
  code
    .ldr(1, 29, 8)
    .msr('SCTLR_EL1', 1)
    .ldr(1, 29, 8 * DESCRIPTOR_TRAPS)
    .msr('CPACR_EL1', 1);
  code.mov(1, VECTORS_NOT_TRAPPED).msr('CPTR_EL2', 1).msr('HCR_EL2', 0).isb();
  code.ldr(0, 29, 8 * DESCRIPTOR_TRANSLATION).msr('TCR_EL2', 0);
  code.ldr(0, 29, 8 * (DESCRIPTOR_TRANSLATION + 1)).msr('TTBR0_EL2', 0);
  // The new SCTLR_EL2 and HCR_EL2 with no translation of the old ones left.
  code.ldr(0, 29, 16).msr('SCTLR_EL2', 0).isb().tlbiAll().dsb().isb();
  code.ldr(0, 29, 24).msr('SPSR_EL2', 0).ldr(0, 29, 32).msr('ELR_EL2', 0);
  code.ldr(0, 29, 40).msr('SP_EL0', 0).ldr(0, 29, 48).msr('SP_EL1', 0);
  code.emit('ADD_imm', { sf: 1, rd: 31, rn: 0 });
  code
    .addImmediate(0, 29, 8 * DESCRIPTOR_WORDS)
    .str(0, 30)
    .emit('CLREX', { crm: 15 });
  code.ldr(0, 29, 8 * DESCRIPTOR_FPCR).msr('FPCR', 0);
  code.ldr(0, 29, 8 * (DESCRIPTOR_FPCR + 1)).msr('FPSR', 0);
  for (let n = 0; n < 32; n++)
    code.emit('LDR_128_fpsimd_imm', { vt: n, rn: 29, imm12: DESCRIPTOR_VECTORS / 2 + n });
  code.ldr(0, 29, 8 * (DESCRIPTOR_TRAPS + 1)).msr('CPTR_EL2', 0);
  for (let n = 0; n < 29; n++) code.ldr(n, 29, 56 + 8 * n);
  code
    .ldr(30, 29, 56 + 8 * 30)
    .ldr(29, 29, 56 + 8 * 29)
    .emit('ERET');
  code.label('off').mov(0, 0x8400_0008).emit('SMC').label('stop').b('stop');
}

/** The entry's number is the log's first word; interrupts do not happen here. */
function vectors(code: Code, el: 1 | 2): void {
  for (let entry = 0; entry < 16; entry += 4) {
    code.padTo((el === 1 ? VECTORS_EL1 : VECTORS_EL2) + 0x80 * entry);
    code
      .msr(`TPIDR_EL${el}`, 30)
      .mov(30, SAVED[el])
      .str(29, 30, 8 * 29);
    code.mov(29, 16 * el + entry).b(`handler${el}`);
  }
}

/** X30 points to the saved registers, X29 is the entry. */
function handler(code: Code, el: 1 | 2): void {
  code.label(`handler${el}`);
  for (const n of [25, 26, 27, 28]) code.str(n, 30, 8 * n);
  code.mrs(28, `ESR_EL${el}`);
  shiftRight(code, 27, 28, 26);
  code.mov(26, LOG_POINTER).ldr(25, 26);
  if (el === 2) {
    compare(code, 27, EC.trappedWait).bCond(EQ, 'ended');
    compare(code, 27, EC.hvc).bCond(NE, 'exception');
    code.emit('UBFM', { sf: 1, n: 1, immr: 0, imms: 15, rn: 28, rd: 28 }).mov(29, 0xffff);
    code.emit('SUBS_shift', { sf: 1, rn: 28, rm: 29, rd: 31 }).bCond(EQ, 'ended');
    code.mrs(28, 'ESR_EL2').mov(29, 16 * el);
    code.label('exception');
  }
  code.str(29, 25).str(28, 25, 8).mrs(29, `ELR_EL${el}`).str(29, 25, 16);
  code.mrs(28, `FAR_EL${el}`).str(28, 25, 24).mrs(28, `SPSR_EL${el}`).str(28, 25, 32);
  if (el === 2) code.mrs(28, 'HPFAR_EL2').str(28, 25, 40);
  else code.str(31, 25, 40);
  code.addImmediate(25, 25, 8 * EXCEPTION_WORDS).str(25, 26);
  compare(code, 27, EC.svc).bCond(EQ, `return${el}`);
  // A guarded page was entered elsewhere than at a landing pad: again, with PSTATE.BTYPE 0.
  compare(code, 27, EC.branchTarget).bCond(NE, `other${el}`);
  code
    .mrs(28, `SPSR_EL${el}`)
    .emit('BFM', { sf: 1, n: 1, immr: 54, imms: 1, rn: 31, rd: 28 })
    .msr(`SPSR_EL${el}`, 28)
    .b(`return${el}`);
  code.label(`other${el}`);
  compare(code, 27, EC.hvc).bCond(EQ, `return${el}`);
  // 0x20, 0x21: fetch; 0x22: PC alignment.
  code.mrs(28, 'TPIDR_EL0').emit('SUB_imm', { sf: 1, rn: 27, rd: 27, imm12: 0x20 });
  compare(code, 27, 2).bCond(LS, `redirect${el}`);
  code.addImmediate(28, 29, 4).label(`redirect${el}`).msr(`ELR_EL${el}`, 28);
  code.label(`return${el}`);
  for (const n of [25, 26, 27, 28, 29]) code.ldr(n, 30, 8 * n);
  code.mrs(30, `TPIDR_EL${el}`).emit('ERET');
  if (el === 2) logEnd(code);
}

/** X25 is the log's end, X26 its pointer; everything but X25 to X30 is still the stream's. */
function logEnd(code: Code): void {
  code.label('ended');
  for (let n = 0; n < 25; n++) code.str(n, 25, 8 * (1 + n));
  for (const n of [25, 26, 27, 28, 29]) code.ldr(0, 30, 8 * n).str(0, 25, 8 * (1 + n));
  code.mrs(0, 'TPIDR_EL2').str(0, 25, 8 * 31);
  code
    .mrs(0, 'SP_EL0')
    .str(0, 25, 8 * 32)
    .mrs(0, 'SP_EL1')
    .str(0, 25, 8 * 33);
  code.emit('ADD_imm', { sf: 1, rd: 0, rn: 31 }).str(0, 25, 8 * 34);
  code
    .mrs(0, 'SPSR_EL2')
    .str(0, 25, 8 * 35)
    .mov(0, ENDED)
    .str(0, 25);
  code.mov(0, HCR_BETWEEN_RUNS).msr('HCR_EL2', 0).mov(0, SCTLR_EL2_BETWEEN_RUNS).msr('SCTLR_EL2', 0);
  code.mov(0, VECTORS_NOT_TRAPPED).msr('CPTR_EL2', 0).isb();
  code
    .mrs(0, 'FPCR')
    .str(0, 25, 8 * END_FPCR)
    .mrs(0, 'FPSR')
    .str(0, 25, 8 * (END_FPCR + 1));
  for (let n = 0; n < 32; n++) code.emit('STR_128_fpsimd_imm', { vt: n, rn: 25, imm12: END_VECTORS / 2 + n });
  digestScratch(code);
  code.str(2, 25, 8 * END_DIGEST).str(3, 25, 8 * (END_DIGEST + 1));
  code
    .addImmediate(25, 25, 8 * END_WORDS)
    .str(25, 26)
    .b('next');
}

/** X2 and X3: each word of the scratch area is added to one of them after a multiplication by an odd number. */
function digestScratch(code: Code): void {
  const bytes = 64;
  code
    .mov(0, SCRATCH)
    .mov(1, SCRATCH_PAGES * 0x1000)
    .mov(2, 0)
    .mov(3, 0)
    .mov(4, 0x9e37_79b9_7f4a_7c15n);
  code.label('digest');
  for (let pair = 0; pair < bytes / 16; pair++) {
    code.emit('LDP_64', { rt: 5, rt2: 6, rn: 0, imm7: 2 * pair });
    code
      .emit('MADD', { sf: 1, rn: 2, rm: 4, ra: 5, rd: 2 })
      .emit('MADD', { sf: 1, rn: 3, rm: 4, ra: 6, rd: 3 });
  }
  code.addImmediate(0, 0, bytes).emit('SUBS_imm', { sf: 1, rn: 1, rd: 1, imm12: bytes }).bCond(NE, 'digest');
}
