import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ElfFile, ElfSection } from '../../src/machine/elf.ts';
import { DwarfLines } from '../../src/symbols/dwarf_line.ts';
import { UserError } from '../../src/user-error.ts';

const text = (value: string) => [...Buffer.from(`${value}\0`)];
const u16 = (value: number) => [value & 255, value >> 8];
const u32 = (value: number) => [...u16(value & 0xffff), ...u16(value >>> 16)];
const u64 = (value: bigint) => [...u32(Number(value & 0xffffffffn)), ...u32(Number(value >> 32n))];
const operandCounts = [0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1];
/** minimum instruction length 4, then [maximum operations,] default_is_stmt, line base -5, line range 14, opcode base 13. */
const common = (version: number) => [4, ...(version >= 4 ? [1] : []), 1, 0xfb, 14, 13, ...operandCounts];
const setAddress = (address: bigint) => [0, 9, 2, ...u64(address)];
const endSequence = [0, 1, 1];

/** A unit with the tables and the program; `is64` is DWARF's 64-bit format. */
function unit(version: number, tables: number[], program: number[], is64 = false): number[] {
  const offset = (value: number) => (is64 ? u64(BigInt(value)) : u32(value));
  const header = [...common(version), ...tables];
  const body = [
    ...u16(version),
    ...(version === 5 ? [8, 0] : []),
    ...offset(header.length),
    ...header,
    ...program,
  ];
  return [...(is64 ? [255, 255, 255, 255] : []), ...offset(body.length), ...body];
}

/** An ELF file that has .text at 0x1000 and these debug sections. */
function elfWith(sections: { readonly [name: string]: number[] | Uint8Array }): ElfFile {
  const parts = Object.values(sections).map((part) => Uint8Array.from(part));
  let offset = 0;
  const headers = Object.keys(sections).map((name, i): ElfSection => {
    offset += parts[i].length;
    return {
      name,
      type: 1,
      flags: 0n,
      addr: 0n,
      offset: offset - parts[i].length,
      size: parts[i].length,
      link: 0,
      entsize: 0,
    };
  });
  const code = {
    name: '.text',
    type: 1,
    flags: 6n,
    addr: 0x1000n,
    offset: 0,
    size: 0x1000,
    link: 0,
    entsize: 0,
  };
  const bytes = new Uint8Array(Buffer.concat(parts));
  return {
    file: 'x.elf',
    bytes,
    type: 2,
    entry: 0n,
    headersEnd: 0,
    segments: [],
    sections: [code, ...headers],
  };
}
const lines = (debugLine: number[] | Uint8Array, more: { readonly [name: string]: number[] } = {}) =>
  new DwarfLines(elfWith({ '.debug_line': debugLine, ...more }));

/** Directories include, /abs; files a.c (no directory), b.h in include, c.h in /abs. */
const tables2 = [
  ...text('include'),
  ...text('/abs'),
  0,
  ...text('a.c'),
  0,
  0,
  0,
  ...text('b.h'),
  1,
  0,
  0,
  ...text('c.h'),
  2,
  0,
  0,
  0,
];
const program = [
  setAddress(0x1000n),
  [1], // line 1 of file 1
  [13 + 14 * 2 + 5 + 3], // special opcode: two instructions and three lines on
  [4, 2, 3, 100, 3, 0xe4, 0], // file 2; lines by -28 (0x64 is a negative SLEB128), then by 100
  [2, 1, 1], // one instruction on, a row
  [9, ...u16(8), 4, 3, 1], // eight bytes on, file 3
  [8, 1], // as far as opcode 255 would go: 17 instructions
  [2, 1],
  endSequence,
].flat();

test.each([2, 3, 4])('A version %d unit gives the rows that its program makes', (version) => {
  const table = lines(unit(version, tables2, program));
  expect(table.at(0xfffn)).toBeUndefined();
  expect(table.at(0x1000n)).toEqual({ file: 'a.c', line: 1 });
  expect(table.at(0x1004n)).toEqual({ file: 'a.c', line: 1 });
  expect(table.at(0x1008n)).toEqual({ file: 'a.c', line: 4 });
  expect(table.at(0x100cn)).toEqual({ file: 'include/b.h', line: 76 });
  expect(table.at(0x1014n)).toEqual({ file: '/abs/c.h', line: 76 });
  expect(table.at(0x1014n + 17n * 4n + 3n)).toEqual({ file: '/abs/c.h', line: 76 });
  expect(table.at(0x1014n + 18n * 4n)).toBeUndefined();
});

describe.each([false, true])('A version 5 unit, 64-bit format: %s', (is64) => {
  const reference = (value: number) => (is64 ? u64(BigInt(value)) : u32(value));
  const lineStrings = [...text('/src'), ...text('sub'), ...text('a.c')];
  const debugStrings = [...text('?'), ...text('b.c')];
  const tables5 = [
    1,
    1,
    0x1f,
    2,
    ...reference(0),
    ...reference(5), // directories by DW_FORM_line_strp: /src, sub
    3,
    1,
    0x1f,
    2,
    0x0b,
    5,
    0x1e,
    2, // files: line_strp, data1, and an MD5 in data16
    ...reference(9),
    0,
    ...Array(16).fill(0xaa),
    ...reference(9),
    1,
    ...Array(16).fill(0xbb),
  ];
  const strp = [
    1,
    1,
    0x08,
    1,
    ...text('/inline'),
    2,
    1,
    0x0e,
    2,
    0x0f,
    2,
    ...reference(2),
    0,
    ...reference(2),
    0,
  ];
  const code = [...setAddress(0x1000n), 1, 2, 1, 4, 0, 1, 2, 1, ...endSequence];
  const sections = { '.debug_line_str': lineStrings, '.debug_str': debugStrings };

  test('names files by .debug_line_str, relative directories under directory 0', () => {
    const table = lines(unit(5, tables5, code, is64), sections);
    expect(table.at(0x1000n)).toEqual({ file: '/src/sub/a.c', line: 1 });
    expect(table.at(0x1004n)).toEqual({ file: '/src/a.c', line: 1 });
  });

  test('names files by .debug_str and by strings in place', () => {
    const table = lines(unit(5, strp, code, is64), sections);
    expect(table.at(0x1000n)).toEqual({ file: '/inline/b.c', line: 1 });
  });
});

test('Several units and sequences are told apart, dropped code does not count, unknown versions are stepped over', () => {
  const sequence = (address: bigint, line: number) => [
    ...setAddress(address),
    3,
    line - 1,
    1,
    2,
    4,
    ...endSequence,
  ];
  const table = lines([
    ...unit(4, tables2, [...sequence(0x1100n, 11), ...sequence(0x1000n, 12), ...sequence(0n, 13)]),
    ...unit(9, tables2, [0xff, 0xff]),
    ...unit(4, tables2, sequence(0x1080n, 14)),
  ]);
  const at = (address: bigint) => table.at(address)?.line;
  expect([at(0x1100n), at(0x1000n), at(0n), at(0x1080n), at(0x1010n)]).toEqual([
    11,
    12,
    undefined,
    14,
    undefined,
  ]);
});

test('Line 0 is no line, and of two rows at one address the last one counts', () => {
  const table = lines(
    unit(4, tables2, [...setAddress(0x1000n), 1, 3, 1, 1, 2, 1, 3, 0x7e, 1, 2, 1, ...endSequence]),
  );
  expect(table.at(0x1000n)).toEqual({ file: 'a.c', line: 2 });
  expect(table.at(0x1004n)).toBeUndefined();
});

test('A sequence whose addresses go back is put in order, and thousands of rows are kept', () => {
  const back = lines(
    unit(4, tables2, [
      ...setAddress(0x1010n),
      3,
      4,
      1,
      ...setAddress(0x1000n),
      3,
      1,
      1,
      2,
      9,
      ...endSequence,
    ]),
  );
  expect([back.at(0x1000n)?.line, back.at(0x1010n)?.line]).toEqual([6, 5]);
  // Special opcode 13 + 5 + 1 + 14: one instruction and one line on.
  const many = lines(
    unit(4, tables2, [...setAddress(0x1000n), ...Array(5000).fill(33), 2, 1, ...endSequence]),
  );
  expect(many.at(0x1000n + 4n * 5000n)?.line).toBe(5001);
});

describe('Damaged tables are refused with the byte', () => {
  const good = unit(4, tables2, program);
  test.each<[string, number[], RegExp]>([
    ['cut', good.slice(0, -4), /^x\.elf: \.debug_line, byte 0x4: a unit of/],
    ['a header beyond its unit', good.with(6, 255).with(7, 255), /reaches beyond its unit/],
    ['a line range of 0', good.with(10 + 4, 0), /line range/],
    ['a reserved length', [0xf5, 255, 255, 255], /reserved unit length/],
    ['an address of two bytes', unit(4, tables2, [0, 3, 2, 0, 0]), /address of 2 bytes/],
    ['an endless number', unit(4, tables2, [2, ...Array(20).fill(0x80), 0]), /more than 64 bits/],
    ['a table of endless entries', unit(5, [0, 255, 255, 255, 127], []), /a table of/],
    ['an unknown form', unit(5, [1, 1, 0x55, 1, 0], []), /form 0x55/],
  ])('%s', (_, bytes, message) => {
    expect(() => lines(bytes)).toThrow(UserError);
    expect(() => lines(bytes)).toThrow(message);
  });

  test('any bytes at all give a user error or a table', () => {
    const flips = fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { maxLength: 5 });
    fc.assert(
      fc.property(flips, (changes) => {
        const damaged = Uint8Array.from(good);
        for (const [at, value] of changes) damaged[at] ^= value;
        try {
          lines(damaged).at(0x1004n);
        } catch (error) {
          if (!(error instanceof UserError)) throw error;
        }
      }),
      { numRuns: 3000 },
    );
  });
});
