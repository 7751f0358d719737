import { describe, expect, test } from 'vitest';
import { findKallsyms } from '../../src/symbols/kallsyms.ts';
import { aligned, nameTable, words } from './name_table.ts';

const TEXT = 0x10000;
/** Enough for two markers, and some that share their beginnings. */
const SYMBOLS = [
  ['T_stext', 0],
  ['Tprimary_entry', 0x40],
  ...Array.from({ length: 400 }, (_, i) => [`tfunction_${i}`, 0x100 + 16 * i] as const),
  [`t${'long_'.repeat(60)}`, 0x4000],
] as const;

const align8 = (bytes: Buffer) => aligned(bytes, 8);

/** An Image with the table as the kernel's scripts/kallsyms.c lays it out, in one of its orders. */
function image(order: 'offsets first' | 'offsets last', sorted: boolean): Buffer {
  const { count, names, markers, strings, index } = nameTable(SYMBOLS.map(([name]) => name));
  const offsets = Buffer.concat([align8(words(SYMBOLS.map(([, offset]) => offset))), Buffer.alloc(8)]);
  const table = Buffer.concat([
    ...(order === 'offsets first' ? [offsets] : []),
    align8(count),
    align8(names),
    align8(markers),
    ...(sorted ? [align8(Buffer.alloc(3 * SYMBOLS.length, 0xee))] : []),
    align8(strings),
    align8(index),
    ...(order === 'offsets last' ? [offsets] : []),
  ]);
  // What stands before and behind it is no table, and numbers look like tokens.
  const noise = Buffer.from(Uint16Array.from({ length: 0x2000 }, (_, i) => i & 0xff).buffer);
  const bytes = Buffer.concat([noise, table, noise]);
  // "MZ" of the EFI header, and the branch to primary_entry.
  bytes.writeUInt32LE(0xfa405a4d, 0);
  bytes.writeUInt32LE(0x1400_0000 | ((TEXT + 0x40 - 4) / 4), 4);
  return bytes;
}

describe('the names in a Linux Image', () => {
  test.each([
    ['offsets first', false],
    ['offsets first', true],
    ['offsets last', true],
  ] as const)('are found with their offsets from its beginning: %s, sorted numbers %s', (order, sorted) => {
    const found = findKallsyms(image(order, sorted))!;
    expect(found.names).toEqual(SYMBOLS.map(([name]) => name.slice(1)));
    expect([...found.offsets]).toEqual(SYMBOLS.map(([, offset]) => TEXT + offset));
  });

  test('are not found where one index is wrong, nor in an image that ends too early', () => {
    const whole = image('offsets last', true);
    expect(findKallsyms(whole.subarray(0, 0x5000))).toBeUndefined();
    const damaged = Buffer.from(whole);
    const at = damaged.indexOf(Buffer.from(Uint16Array.of(0, 10, 21).buffer));
    damaged[at + 2] ^= 1;
    expect(findKallsyms(damaged)).toBeUndefined();
  });

  test('random bytes give no table and no exception', () => {
    const bytes = Buffer.alloc(65536);
    let state = 1;
    for (let round = 0; round < 20; round++) {
      for (let i = 0; i < bytes.length; i++) {
        state = (Math.imul(state, 1103515245) + 12345) >>> 0;
        bytes[i] = state >>> 24;
      }
      image('offsets last', true).copy(bytes, 4096, 0x4000, 0x4000 + 3000 + 100 * round);
      expect(() => findKallsyms(bytes)).not.toThrow();
    }
  });
});
