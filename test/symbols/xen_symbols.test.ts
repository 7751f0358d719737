import { expect, test } from 'vitest';
import { findXenSymbols } from '../../src/symbols/xen_symbols.ts';
import { aligned, nameTable } from './name_table.ts';

const LINKED_AT = 0x20_0000n;
const SYMBOLS = [
  ['T_start', 0],
  ['Tstart', 0],
  ...Array.from({ length: 600 }, (_, i) => [`tfile_${i % 7}.c#function_${i}`, 0x1000 + 12 * i] as const),
  ['Tpanic', 0x9000],
] as const;

/** As Xen for Arm aligns its parts: 64-bit addresses, then the names. */
function image(addresses: readonly bigint[]): Buffer {
  const { count, names, markers, strings, index } = nameTable(SYMBOLS.map(([name]) => name));
  const first = Buffer.from(BigUint64Array.from(addresses).buffer);
  const parts = [first, count, names, markers, strings, index].map((part) => aligned(part, 256));
  return Buffer.concat([Buffer.alloc(0x1200, 0xa5), ...parts, Buffer.alloc(0x700, 0x5a)]);
}
const ADDRESSES = SYMBOLS.map(([, offset]) => LINKED_AT + BigInt(offset));

test('the names that Xen carries about itself are found, with their offsets from its beginning', () => {
  const found = findXenSymbols(image(ADDRESSES))!;
  expect(found.names).toEqual(SYMBOLS.map(([name]) => name.slice(1)));
  expect([...found.offsets]).toEqual(SYMBOLS.map(([, offset]) => offset));
});

test('addresses that do not ascend are no table of Xen', () => {
  expect(findXenSymbols(image(ADDRESSES.with(300, LINKED_AT)))).toBeUndefined();
});

test('an image that ends within its names has no table, whatever its length', () => {
  const whole = image(ADDRESSES);
  for (let length = 0; length < whole.length - 0xa00; length += 509)
    expect(findXenSymbols(whole.subarray(0, length))).toBeUndefined();
});
