import { describe, expect, test } from 'vitest';
import { undeclaredOverlaps } from '../../src/isa/overlaps.ts';
import { assemble } from '../../src/isa/pattern.ts';
import { type Row, row } from '../../src/isa/row.ts';
import { decode, match, ROWS } from '../../src/isa/table.ts';
import { randomNumbers } from '../random.ts';

function* randomWords(of: Row, count: number, seed: number): Generator<number> {
  const random = randomNumbers(seed);
  for (let i = 0; i < count; i++) {
    const fields = of.pattern.fields.map(({ name, width }) => [name, Math.floor(random() * 2 ** width)]);
    const word = assemble(of.pattern, Object.fromEntries(fields));
    if (match(of, word)) yield word;
  }
}

describe('the table', () => {
  test('names each encoding once', () => {
    const names = ROWS.map(({ name }) => name);
    expect(names.filter((name, i) => names.indexOf(name) !== i)).toEqual([]);
  });

  test('has no two rows that claim the same word without one declaring it', () => {
    expect(undeclaredOverlaps(ROWS, randomNumbers(1))).toEqual([]);
  });

  test('finds a planted overlap, and accepts it once it is declared', () => {
    const wide = row('WIDE', '11110000 rest:24', {});
    const narrow = row('NARROW', '1111000 x:1 000000000000000000000000', {});
    const declared = { ...narrow, before: ['WIDE'] };
    expect(undeclaredOverlaps([wide, narrow], randomNumbers(1))).toEqual([
      { rows: ['WIDE', 'NARROW'], word: 0xf000_0000 },
    ]);
    expect(undeclaredOverlaps([wide, declared], randomNumbers(1))).toEqual([]);
  });

  test('decodes every row it has, except to a row that declares to come before', () => {
    for (const expected of ROWS) {
      for (const word of randomWords(expected, 64, 2)) {
        const found = decode(word)?.row;
        const allowed = found === expected || found?.before.includes(expected.name);
        expect(allowed, `${expected.name} ${word.toString(16)} decodes as ${found?.name}`).toBe(true);
      }
    }
  });

  test('its index finds the same row as trying all of them', () => {
    const random = randomNumbers(3);
    for (let i = 0; i < 20_000; i++) {
      const word = Math.floor(random() * 2 ** 32);
      const matching = ROWS.filter((candidate) => match(candidate, word));
      const first = matching.find(({ before }) => before.length > 0) ?? matching[0];
      expect(decode(word)?.row.name, word.toString(16)).toBe(first?.name);
    }
  });

  test('has every reserved encoding of the bitmask immediates unallocated', () => {
    // AND W0, W0, with N = 1; AND X0, X0, with an element of all ones; with no element size at all.
    for (const word of [0x12400000, 0x92407c00 | (63 << 10), 0x9200fc00])
      expect(decode(word)).toBeUndefined();
  });

  test.each([
    [0xf9400041, 'LDR_64_imm', { sas: 3, sse: false, srt: 1, sf: true, ar: false }],
    [0x39c00041, 'LDRSB_32_imm', { sas: 0, sse: true, srt: 1, sf: false, ar: false }],
    [0xb9800041, 'LDRSW_imm', { sas: 2, sse: true, srt: 1, sf: true, ar: false }],
    [0x3940005f, 'LDRB_imm', { sas: 0, sse: false, srt: 31, sf: false, ar: false }],
    [0xb8636841, 'LDR_32_reg', { sas: 2, sse: false, srt: 1, sf: false, ar: false }],
    [0xc8dffc41, 'LDAR_64', { sas: 3, sse: false, srt: 1, sf: true, ar: true }],
    [0xf8408441, 'LDR_64_imm_post', undefined],
    [0xa9400041, 'LDP_64', undefined],
    [0xc85f7c41, 'LDXR_64', undefined],
  ])('%s is %s with the syndrome ISS[23:14] of a data abort, or none', (word, name, transfer) => {
    const decoded = decode(word)!;
    expect(decoded.row.name).toBe(name);
    expect(decoded.row.transfer?.(decoded.fields)).toEqual(transfer);
  });
});
