/** A guest at EL1, without an MMU, that writes code and calls it, for ever: for tests of what may not grow meanwhile. */
import { Code, instruction } from './conformance/random/assembler.ts';

export const PROGRAM = 0x4020_0000;
const PAGES = 0x4100_0000;
const PAGE = 4096;

export interface CodeForever {
  /** Of so many pages, all but one in the middle are written once more after the last was called. */
  readonly group: number;
  /** After so many pages it starts again at the first one, with another constant in the code. */
  readonly pages: number;
  /** Rounds of five instructions that a call takes. */
  readonly rounds: number;
}

/** A loop that becomes hot when it is called. X9 becomes part of its first ADD. */
const routine = (rounds: number): number[] => [
  instruction('MOVZ', { sf: 1, imm16: rounds, rd: 4 }),
  instruction('ADD_imm', { sf: 1, imm12: 3, rn: 5, rd: 5 }),
  instruction('EOR_shift', { sf: 1, rm: 5, rn: 6, rd: 6 }),
  instruction('ADD_imm', { sf: 1, imm12: 1, rn: 6, rd: 6 }),
  instruction('SUBS_imm', { sf: 1, imm12: 1, rn: 4, rd: 4 }),
  instruction('B_cond', { imm19: -4 & 0x7ffff, cond: 1 }),
  instruction('RET', { rn: 30 }),
];
const CHANGING = 1;
const IMM12 = 1 << 10;

/** To be loaded at PROGRAM, and entered there. X0: page, X1: how many are left of the group, X2: its first one, X10: of all. */
export function codeForever({ group, pages, rounds }: CodeForever): Uint8Array {
  const code = new Code(PROGRAM);
  code.mov(7, PAGE).mov(9, 0).mov(11, IMM12);
  code
    .label('start')
    .mov(0, PAGES)
    .mov(10, pages / group);
  code
    .emit('ADD_shift', { sf: 1, rm: 11, rn: 9, rd: 9 })
    .emit('UBFM', { sf: 1, n: 1, immr: 0, imms: 17, rn: 9, rd: 9 });
  code.label('group').movRegister(2, 0).mov(1, group).label('page');
  for (const [n, word] of routine(rounds).entries()) {
    code.mov(3, word);
    if (n === CHANGING) code.emit('ADD_shift', { sf: 1, rm: 9, rn: 3, rd: 3 });
    code.emit('STR_32_imm', { imm12: n, rn: 0, rt: 3 });
  }
  return new Uint8Array(
    code
      .isb()
      .emit('BLR', { rn: 0 })
      .emit('ADD_shift', { sf: 1, rm: 7, rn: 0, rd: 0 })
      .emit('SUB_imm', { sf: 1, imm12: 1, rn: 1, rd: 1 })
      .cbz(1, 'written')
      .b('page')
      .label('written')
      .mov(1, group)
      .label('again')
      .emit('SUB_imm', { sf: 1, imm12: Math.ceil(group / 2), rn: 1, rd: 8 })
      .cbz(8, 'left alone')
      .emit('STR_32_imm', { imm12: 1, rn: 2, rt: 31 })
      .label('left alone')
      .emit('ADD_shift', { sf: 1, rm: 7, rn: 2, rd: 2 })
      .emit('SUB_imm', { sf: 1, imm12: 1, rn: 1, rd: 1 })
      .cbz(1, 'done')
      .b('again')
      .label('done')
      .emit('SUB_imm', { sf: 1, imm12: 1, rn: 10, rd: 10 })
      .cbz(10, 'start')
      .b('group')
      .finish().buffer,
  );
}
