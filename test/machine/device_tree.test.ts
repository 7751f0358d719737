import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { type Board, fixUpDeviceTree, generateDeviceTree } from '../../src/machine/device_tree.ts';
import { cells, type FdtNode, parseFdt, text, writeFdt } from '../../src/machine/fdt.ts';
import { UserError } from '../../src/user-error.ts';

const url = (name: string) => new URL(`fixtures/${name}`, import.meta.url);
const fixture = (name: string) => new Uint8Array(readFileSync(url(name)));
const board: Board = { ram: 256 * 2 ** 20, gic: 2, smp: 1, el: 2, cpu: 'cortex-a57' };
const initrd = { base: 0x48000000, size: 100000 };

test.each([
  ['minimal.dtb', 'minimal.qemu', board, { append: '' }],
  ['minimal.dtb', 'minimal-initrd.qemu', board, { append: 'hello', initrd }],
  ['no-psci.dtb', 'no-psci.qemu', { ...board, el: 1, smp: 2 }, { append: 'hi' }],
  ['other-bootargs.dtb', 'other-bootargs.qemu', { ...board, el: 1, smp: 2 }, { append: 'hi' }],
] as const)('%s reaches the guest with the bytes of QEMU’s %s', (tree, dump, machine, chosen) => {
  const expected = fixture(dump);
  const fixed = fixUpDeviceTree(fixture(tree), tree, machine, chosen);
  expect(fixed.subarray(0, expected.length)).toEqual(expected);
  expect(fixed.subarray(expected.length).every((byte) => byte === 0)).toBe(true);
  expect(new DataView(fixed.buffer).getUint32(4)).toBe(fixed.length);
  expect(fixed.length).toBe((fixture(tree).length + 10000) * 2);
});

test.each([
  [2, 1],
  [2, 2],
  [3, 1],
  [3, 2],
] as const)('The board’s own tree, GICv%d and EL%d, is the golden one', (gic, el) => {
  const name = `virt-gicv${gic}-el${el}.dts`;
  const listing = list(parseFdt(generateDeviceTree({ ...board, gic, el, smp: 2 }), name).root);
  if (process.env['HINDSIGHT_BLESS']) writeFileSync(url(name), listing);
  expect(listing, `${name}: HINDSIGHT_BLESS=1 npm test accepts the new tree`).toBe(
    readFileSync(url(name), 'utf8'),
  );
});

test('CPUs are numbered by their affinity: clusters of 8 with GICv2, of 16 with GICv3', () => {
  const names = (gic: 2 | 3, smp: number) =>
    parseFdt(generateDeviceTree({ ...board, gic, smp }), 'own')
      .root.children.find(({ name }) => name === 'cpus')!
      .children.map(({ name }) => name);
  expect(names(3, 18).slice(14)).toEqual(['cpu@e', 'cpu@f', 'cpu@100', 'cpu@101']);
  expect(names(2, 8).at(-1)).toBe('cpu@7');
});

describe('A user’s tree that cannot describe the machine is refused', () => {
  const withRoot = (...properties: [string, Uint8Array][]) =>
    writeFdt({
      root: { name: '', properties: properties.map(([name, value]) => ({ name, value })), children: [] },
      reservations: [],
      bootCpu: 0,
    });
  const oneCell = withRoot(['#address-cells', cells(1)], ['#size-cells', cells(1)]);
  const small = { append: '' };
  test.each([
    ['no address cells', withRoot(['#size-cells', cells(1)]), board, small, /#address-cells is missing/],
    [
      'no cells at all',
      withRoot(['#address-cells', cells(2)], ['#size-cells', cells(0)]),
      board,
      small,
      /#size-cells is 0/,
    ],
    [
      'RAM beyond one cell',
      oneCell,
      { ...board, ram: 4 * 2 ** 30 },
      small,
      /--ram of 4 GiB and more needs #size-cells/,
    ],
    [
      'a huge tree',
      new Uint8Array(2 ** 21 + 1),
      board,
      small,
      /x\.dtb: 2097153 bytes: a device tree has at most 2 MiB/,
    ],
    ['a long command line', oneCell, board, { append: 'x'.repeat(20000) }, /--append: at most 16383 bytes/],
  ] as const)('%s', (_, tree, machine, chosen, message) => {
    expect(() => fixUpDeviceTree(tree, 'x.dtb', machine, chosen)).toThrow(UserError);
    expect(() => fixUpDeviceTree(tree, 'x.dtb', machine, chosen)).toThrow(message);
  });

  test('A hundred thousand memory nodes are replaced by the one that is there', () => {
    const children = Array.from({ length: 100_000 }, () => ({
      name: 'memory',
      properties: [],
      children: [],
    }));
    const { root } = parseFdt(oneCell, 'x.dtb');
    const tree = writeFdt({ root: { ...root, children }, reservations: [], bootCpu: 0 });
    const fixed = parseFdt(fixUpDeviceTree(tree, 'x.dtb', board, small), 'fixed');
    expect(fixed.root.children.map(({ name }) => name)).toEqual(['psci', 'chosen', 'memory@40000000']);
  });

  test('The longest command line that is allowed still fits', () => {
    const append = 'x'.repeat(16383);
    const { root } = parseFdt(fixUpDeviceTree(oneCell, 'x.dtb', board, { append, initrd }), 'fixed');
    const chosen = root.children.find(({ name }) => name === 'chosen')!;
    expect(chosen.properties).toContainEqual({ name: 'bootargs', value: text(append) });
  });
});

/** A listing in the manner of a .dts: strings where a value is printable, cells where it is a number of words, else bytes. */
function list(node: FdtNode, indent = ''): string {
  const value = (bytes: Uint8Array) => {
    if (bytes.length === 0) return '';
    const string = Buffer.from(bytes).toString('latin1');
    if (/^([ -~]+\0)+$/.test(string))
      return ` = ${string
        .slice(0, -1)
        .split('\0')
        .map((part) => `"${part}"`)
        .join(', ')}`;
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    const words = Array.from(
      { length: bytes.length / 4 },
      (_, i) => `0x${view.getUint32(i * 4).toString(16)}`,
    );
    return ` = <${words.join(' ')}>`;
  };
  const properties = node.properties.map(({ name, value: bytes }) => `${indent}  ${name}${value(bytes)};\n`);
  const children = node.children.map((child) => list(child, `${indent}  `));
  return `${indent}${node.name || '/'} {\n${properties.join('')}${children.join('')}${indent}};\n`;
}
