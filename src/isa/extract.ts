/** Extract. Arm ARM C4.1.86. */
import type { Fields } from './pattern.ts';
import { widen, widthOf } from './pseudocode.ts';
import { row } from './row.ts';

/** Shifting by the whole width is not what shifts do here, so an extraction at bit 0 is a move. */
const formOf = ({ rm, rn, imms }: Fields<'rm' | 'rn' | 'imms'>) =>
  imms === 0 ? 'move' : rm === rn ? 'rotate' : 'extract';

export const extract = [
  row(
    'EXTR',
    'sf:1 00 100111 n:1 0 rm:5 imms:6 rn:5 rd:5',
    {
      shape: (fields) => ({ width: widthOf(fields.sf), form: formOf(fields) }),
      bytes: {
        lsb: ({ imms }: Fields<'imms'>) => imms,
        above: ({ sf, imms }: Fields<'sf' | 'imms'>) => widthOf(sf) - imms,
      },
      unallocated: ({ sf, n, imms }) => n !== sf || (!sf && imms >= 32),
    },
    (operands, e) => {
      const { width, form, rm, rn, rd } = operands;
      const low = e.x(rm, width);
      if (form === 'move') return e.setX(rd, low);
      const lsb = widen(e, width, operands.lsb);
      if (form === 'rotate') return e.setX(rd, e.rotateRight(low, lsb));
      const high = e.shiftLeft(e.x(rn, width), widen(e, width, operands.above));
      e.setX(rd, e.or(high, e.shiftRight(low, lsb)));
    },
  ),
];
