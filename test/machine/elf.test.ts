import { readFileSync } from 'node:fs';
import { zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseElf, readSymbols, sectionBytes, sectionNamed } from '../../src/machine/elf.ts';
import { elfSymbolTable } from '../../src/symbols/elf_symbols.ts';
import { UserError } from '../../src/user-error.ts';
import { buildElf, patched } from './elf_builder.ts';

const code = Uint8Array.from([0x7f, 0x20, 0x03, 0xd5]);
const small = buildElf({ segments: [{ paddr: 0x40080000n, data: code, memsz: 0x1000n }] });
const fixture = (name: string) =>
  new Uint8Array(readFileSync(new URL(`../symbols/fixtures/${name}`, import.meta.url)));

/** Reads all that there is to read. */
function readWhole(bytes: Uint8Array): void {
  const elf = parseElf(bytes, 'x.elf');
  readSymbols(elf);
  for (const section of elf.sections) sectionBytes(elf, section);
  const table = elfSymbolTable(elf);
  table.at(elf.entry);
}

function userErrorOrNothing(action: () => void): void {
  try {
    action();
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    expect(error.message).toMatch(/^x\.elf: /);
    expect(error.message).not.toContain('\n');
  }
}

test('The headers of a small file are read as they were written', () => {
  const elf = parseElf(small, 'x.elf');
  expect(elf.entry).toBe(0x40080000n);
  expect(elf.headersEnd).toBe(120);
  expect(elf.segments).toEqual([
    {
      index: 0,
      type: 1,
      flags: 7,
      offset: 120,
      vaddr: 0x40080000n,
      paddr: 0x40080000n,
      filesz: 4,
      memsz: 0x1000n,
    },
  ]);
  expect(elf.sections).toEqual([]);
});

test('Sections and symbols of a linked file are those that binutils shows', () => {
  const elf = parseElf(fixture('tiny.elf'), 'tiny.elf');
  const text = sectionNamed(elf, '.text')!;
  expect(text.addr).toBe(0x40200000n);
  // readelf -s: work is a global function of 84 bytes at the start of .text.
  expect(readSymbols(elf).find(({ name }) => name === 'work')).toMatchObject({
    value: 0x40200000n,
    size: 84,
    type: 2,
    binding: 1,
  });
});

test('A compressed section unpacks to what its header says, and a wrong size is refused', () => {
  const bytes = fixture('tiny-v3-compressed.elf');
  const elf = parseElf(bytes, 'x.elf');
  const section = sectionNamed(elf, '.debug_line')!;
  const size = new DataView(bytes.buffer).getBigUint64(section.offset + 8, true);
  expect(sectionBytes(elf, section).length).toBe(Number(size));
  for (const wrong of [size - 1n, size + 1n, 2n ** 40n, 0n]) {
    const damaged = patched(bytes, (view) => view.setBigUint64(section.offset + 8, wrong, true));
    const damagedElf = parseElf(damaged, 'x.elf');
    expect(() => sectionBytes(damagedElf, section)).toThrow(/x\.elf: section \.debug_line: (damaged|claims)/);
  }
});

test('A section packed with zstd unpacks', () => {
  const content = Buffer.from('lines and lines and lines');
  const packed = Buffer.concat([new Uint8Array(24), zstdCompressSync(content)]);
  packed.writeUInt32LE(2, 0);
  packed.writeBigUInt64LE(BigInt(content.length), 8);
  const elf = { ...parseElf(small, 'x.elf'), bytes: packed };
  const section = { ...sectionNamed(parseElf(fixture('tiny.elf'), 'x'), '.text')!, flags: 0x800n, offset: 0 };
  expect(Buffer.from(sectionBytes(elf, { ...section, size: packed.length }))).toEqual(content);
});

describe('A malformed file is refused with the file, the thing and the place', () => {
  const cases: [string, Uint8Array, RegExp][] = [
    ['empty', new Uint8Array(), /^x\.elf: not an ELF file/],
    ['text', Buffer.from('#!/bin/sh\n'), /^x\.elf: not an ELF file/],
    ['32-bit', patched(small, (v) => v.setUint8(4, 1)), /32-bit ELF/],
    ['class 9', patched(small, (v) => v.setUint8(4, 9)), /class 9 at byte 4/],
    ['big-endian', patched(small, (v) => v.setUint8(5, 2)), /big-endian/],
    ['x86-64', patched(small, (v) => v.setUint16(18, 62, true)), /for x86-64 \(e_machine 62\)/],
    ['AArch32', patched(small, (v) => v.setUint16(18, 40, true)), /for Arm \(AArch32\)/],
    [
      'unknown machine',
      patched(small, (v) => v.setUint16(18, 9999, true)),
      /unknown machine \(e_machine 9999\)/,
    ],
    ['object', patched(small, (v) => v.setUint16(16, 1, true)), /relocatable object .* link it/],
    [
      'program headers beyond',
      patched(small, (v) => v.setBigUint64(32, 2n ** 63n, true)),
      /program header table is at/,
    ],
    [
      'many program headers',
      patched(small, (v) => v.setUint16(56, 60000, true)),
      /truncated ELF: the program header/,
    ],
    [
      'program header size',
      patched(small, (v) => v.setUint16(54, 32, true)),
      /program header size 32 at byte 54/,
    ],
    [
      'segment offset overflows',
      patched(small, (v) => v.setBigUint64(72, 2n ** 64n - 1n, true)),
      /segment 0 is at/,
    ],
    [
      'segment beyond',
      patched(small, (v) => v.setBigUint64(96, 0x1000n, true)),
      /segment 0 is at .* file ends at 0x7c/,
    ],
    [
      'filesz > memsz',
      patched(small, (v) => v.setBigUint64(104, 1n, true)),
      /more bytes in the file \(0x4\)/,
    ],
    ['sections beyond', patched(small, (v) => v.setBigUint64(40, 0x10000n, true)), /section header 0 is at/],
  ];
  test.each(cases)('%s', (_, bytes, message) => {
    expect(() => parseElf(bytes, 'x.elf')).toThrow(UserError);
    expect(() => parseElf(bytes, 'x.elf')).toThrow(message);
  });

  test('Cut at every byte, a file without sections is truncated or not an ELF at all', () => {
    for (let length = 0; length < small.length; length++)
      expect(() => parseElf(small.subarray(0, length), 'x.elf')).toThrow(/^x\.elf: (truncated|not an) ELF/);
  });

  test('Cut anywhere, a linked file is refused with a user error', () => {
    const bytes = fixture('tiny.elf');
    for (let length = 0; length < bytes.length; length += length < 512 ? 1 : 61)
      expect(() => readWhole(bytes.subarray(0, length))).toThrow(UserError);
  });
});

test.each(['tiny.elf', 'tiny-v3-compressed.elf'])(
  'Flipped bits in %s give a user error or a readable file, never anything else',
  (name) => {
    const bytes = fixture(name);
    // The headers decide most, so half of the flips go there and half anywhere.
    const position = fc.oneof(fc.nat(63), fc.nat(bytes.length - 1));
    const flips = fc.array(fc.tuple(position, fc.nat(255)), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(flips, (changes) => {
        const damaged = bytes.slice();
        for (const [at, value] of changes) damaged[at] ^= value;
        userErrorOrNothing(() => readWhole(damaged));
      }),
      { numRuns: 2000 },
    );
  },
);
