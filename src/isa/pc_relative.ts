/** PC-relative addressing. Arm ARM C4.1.86. */
import type { Fields } from './pattern.ts';
import { signed } from './pseudocode.ts';
import { row } from './row.ts';

const offset = ({ immhi, immlo }: Fields<'immhi' | 'immlo'>) => signed((immhi << 2) | immlo, 21);

export const pcRelative = [
  row('ADR', '0 immlo:2 10000 immhi:19 rd:5', { imm: offset }, ({ imm, rd }, e) =>
    e.setX(rd, e.add(e.pc(), imm)),
  ),
  row('ADRP', '1 immlo:2 10000 immhi:19 rd:5', { imm: (f) => offset(f) * 4096 }, ({ imm, rd }, e) =>
    e.setX(rd, e.add(e.and(e.pc(), e.constant(64, -4096)), imm)),
  ),
];
