/** Add and subtract: immediate, shifted register, extended register, with carry. Arm ARM C4.1.2, C4.1.5. */
import type { Width } from './emitter.ts';
import { row } from './row.ts';

export const widthOf = (sf: number): Width => (sf ? 64 : 32);

export const dataProcessingAddSub = [
  row(
    'ADD_imm',
    'sf:1 00 100010 sh:1 imm12:12 rn:5 rd:5',
    { shape: ({ sf }) => ({ width: widthOf(sf) }), imm: ({ sh, imm12 }) => imm12 << (12 * sh) },
    ({ width, imm, rn, rd }, e) => e.setXOrSp(rd, e.add(e.xOrSp(rn, width), width === 32 ? e.low(imm) : imm)),
  ),
];
