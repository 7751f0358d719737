import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parseElf } from '../../src/machine/elf.ts';
import { elfSymbolTable } from '../../src/symbols/elf_symbols.ts';
import { joinSymbolTables } from '../../src/symbols/symbol_table.ts';

const url = (name: string) => new URL(`fixtures/${name}`, import.meta.url);
const tableOf = (name: string) => elfSymbolTable(parseElf(new Uint8Array(readFileSync(url(name))), name));
const tiny = tableOf('tiny.elf');

/** What addr2line says of each instruction: [address, file:line or ??:?]. */
const addr2line = readFileSync(url('tiny.lines'), 'utf8')
  .trim()
  .split('\n')
  .map((line) => line.split(' ') as [string, string]);

test('Every instruction has the file and line that addr2line gives it', () => {
  const ours = addr2line.map(([address]) => {
    const found = tiny.at(BigInt(`0x${address}`));
    return [address, found?.line === undefined ? '??:?' : `${found.file}:${found.line}`];
  });
  expect(ours).toEqual(addr2line);
});

test('Version 3 in compressed sections gives the lines of version 5, with relative names', () => {
  const old = tableOf('tiny-v3-compressed.elf');
  for (const [address, place] of addr2line) {
    const found = old.at(BigInt(`0x${address}`));
    const name = found?.file === undefined ? '??' : `/tiny/${found.file.replace(/^\/tiny\//, '')}`;
    expect(`${name}:${found?.line ?? '?'}`).toBe(place);
  }
});

test.each([
  ['the start of a sized function', 0x40200000n, 'work', 0],
  ['its last instruction', 0x40200050n, 'work', 0x50],
  ['the function behind it', 0x40200054n, '_start', 0],
  ['an assembly label without type or size', 0x40200084n, 'vectors', 4],
  ['the next such label', 0x4020008cn, 'inner', 4],
  ['a label within a sized function', 0x40200094n, 'sized', 4],
] as const)('%s has its symbol', (_, address, name, offset) => {
  expect(tiny.at(address)).toMatchObject({ name, offset });
});

test('Padding between functions, and addresses of no section, have no symbol', () => {
  for (const address of [0x40200068n, 0x4020007cn, 0x40200098n, 0n, 0x401fffffn, 2n ** 64n - 1n])
    expect(tiny.at(address)).toBeUndefined();
});

test('Objects and functions are found by name, and an address within an object by its object', () => {
  expect(tiny.addresses('vectors')).toEqual([0x40200080n]);
  expect(tiny.addresses('dropped')).toEqual([]);
  const [table] = tiny.addresses('table');
  expect(tiny.at(table + 60n)).toEqual({ name: 'table', offset: 60 });
  expect(tiny.at(table + 64n)).toBeUndefined();
});

test('Of several tables the first that knows an answer gives it', () => {
  const other = { at: () => ({ name: 'other', offset: 1 }), addresses: () => [5n] };
  const joined = joinSymbolTables([tiny, other]);
  expect(joined.at(0x40200000n)?.name).toBe('work');
  expect(joined.at(0n)?.name).toBe('other');
  expect(joined.addresses('work')[0]).toBe(0x40200000n);
  expect(joined.addresses('nothing')).toEqual([5n]);
});
