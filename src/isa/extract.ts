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
    ({ width, form, lsb, above, rm, rn, rd }, e) => {
      const low = e.x(rm, width);
      if (form === 'move') return e.setX(rd, low);
      if (form === 'rotate') return e.setX(rd, e.rotateRight(low, widen(e, width, lsb)));
      const high = e.shiftLeft(e.x(rn, width), widen(e, width, above));
      e.setX(rd, e.or(high, e.shiftRight(low, widen(e, width, lsb))));
    },
  ),
];
