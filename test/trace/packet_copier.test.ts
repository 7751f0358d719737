import fc from 'fast-check';
import { expect, test } from 'vitest';
import { packetCopier } from '../../src/trace/encode/packet_copier.ts';

const shared = () => new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
const [slots, machine] = [shared(), shared()];
const copy = packetCopier(slots, machine);

const word = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
/** Lengths at which words are copied one by one, and all at once. */
const list = fc.oneof(fc.array(word, { maxLength: 20 }), fc.array(word, { minLength: 60, maxLength: 200 }));
const atomList = fc.array(fc.nat(1), { maxLength: 100 });

test('lists follow each other, then the atoms: one bit each, least significant first, the last byte filled with zeros', () => {
  fc.assert(
    fc.property(fc.tuple(list, list, list, list), atomList, fc.nat(30), (lists, atoms, to) => {
      // What longer packets left behind must not show.
      new Uint8Array(machine.buffer).fill(1);
      new Uint8Array(slots.buffer).fill(0xff);
      const words = new BigUint64Array(machine.buffer);
      let used = 8;
      const given = lists.flatMap((elements) => {
        const from = used;
        words.set(elements, from);
        used += elements.length;
        return [8 * from, elements.length];
      });
      const atomsAt = 8 * used + 3;
      new Uint8Array(machine.buffer).set(atoms, atomsAt);
      const start = 8 * to;
      const end = (copy as (...parameters: number[]) => number)(start, ...given, atomsAt, atoms.length);

      const all = lists.flat();
      expect([...new BigUint64Array(slots.buffer, start, all.length)]).toEqual(all);
      const bits = new Uint8Array(Math.ceil(atoms.length / 8));
      for (const [i, atom] of atoms.entries()) bits[i >> 3] |= atom << (i & 7);
      const bitsAt = start + 8 * all.length;
      expect(new Uint8Array(slots.buffer).slice(bitsAt, bitsAt + bits.length)).toEqual(bits);
      expect(end).toBe(bitsAt + 8 * Math.ceil(atoms.length / 64));
    }),
    { numRuns: 500 },
  );
});
