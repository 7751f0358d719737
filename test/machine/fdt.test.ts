import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fixUpDeviceTree } from '../../src/machine/device_tree.ts';
import { cells, cells64, type Fdt, type FdtNode, parseFdt, text, writeFdt } from '../../src/machine/fdt.ts';
import { UserError } from '../../src/user-error.ts';
import { patched } from './elf_builder.ts';

const fixture = (name: string) => new Uint8Array(readFileSync(new URL(`fixtures/${name}`, import.meta.url)));
const minimal = fixture('minimal.dtb');
const board = { ram: 256 * 2 ** 20, gic: 2, smp: 1, el: 2, cpu: 'cortex-a57' } as const;

test('A tree that dtc compiled reads with its names and values', () => {
  const { root, reservations } = parseFdt(minimal, 'x.dtb');
  expect(reservations).toEqual([]);
  expect(root.children.map(({ name }) => name)).toEqual([
    'chosen',
    'memory@40000000',
    'psci',
    'cpus',
    'timer',
    'apb-pclk',
    'intc@8000000',
    'pl011@9000000',
  ]);
  const memory = root.children[1].properties;
  expect(memory).toEqual([
    { name: 'device_type', value: text('memory') },
    { name: 'reg', value: cells64(0x40000000, 0x10000000) },
  ]);
});

test.each(['minimal.dtb', 'no-psci.dtb', 'other-bootargs.dtb'])(
  'Read and written again, %s has the bytes that dtc gave it',
  (name) => {
    expect(writeFdt(parseFdt(fixture(name), name))).toEqual(fixture(name));
  },
);

test('Any tree that is written reads as the same tree', () => {
  const name = fc.stringMatching(/^[a-z][a-z0-9,@-]{0,20}$/);
  const value = fc.uint8Array({ maxLength: 40 });
  const properties = fc.array(fc.record({ name, value }), { maxLength: 4 });
  const nodes = (depth: number): fc.Arbitrary<FdtNode> =>
    fc.record({
      name,
      properties,
      children: depth === 0 ? fc.constant([]) : fc.array(nodes(depth - 1), { maxLength: 3 }),
    });
  const reservation = fc.record({
    address: fc.bigInt(0n, 2n ** 64n - 1n),
    size: fc.bigInt(1n, 2n ** 64n - 1n),
  });
  fc.assert(
    fc.property(nodes(3), fc.array(reservation, { maxLength: 3 }), (root, reservations) => {
      const tree: Fdt = { root: { ...root, name: '' }, reservations, bootCpu: 0 };
      expect(parseFdt(writeFdt(tree), 'x.dtb')).toEqual(tree);
    }),
  );
});

describe('A malformed tree is refused with the file and the place', () => {
  const structure = new DataView(minimal.buffer).getUint32(8);
  const nested = (depth: number): FdtNode => ({
    name: depth === 0 ? '' : 'n',
    properties: [],
    children: depth < 100 ? [nested(depth + 1)] : [],
  });
  const cases: [string, Uint8Array, RegExp][] = [
    ['empty', new Uint8Array(), /not a device tree blob/],
    ['source text', Buffer.from('/dts-v1/;\n'), /not a device tree blob.*dtc/],
    ['cut in the header', minimal.subarray(0, 20), /the header has 40 bytes, the file 20/],
    ['cut', minimal.subarray(0, 1000), /header says 1479 bytes, the file has 1000/],
    ['version 16', patched(minimal, (v) => v.setUint32(20, 16)), /version 16/],
    ['a later version', patched(minimal, (v) => v.setUint32(24, 18)), /compatible with 18/],
    ['structure beyond', patched(minimal, (v) => v.setUint32(8, 0xfffffff0)), /structure block is at bytes/],
    ['structure unaligned', patched(minimal, (v) => v.setUint32(8, 57)), /not aligned to 4/],
    ['strings beyond', patched(minimal, (v) => v.setUint32(32, 0xffff)), /strings block is at bytes/],
    ['reservations beyond', patched(minimal, (v) => v.setUint32(16, 1472)), /memory reservation block/],
    ['no root', patched(minimal, (v) => v.setUint32(structure, 3)), /does not begin with a node/],
    ['unknown token', patched(minimal, (v) => v.setUint32(structure + 8, 77)), /byte 64: 77 is no token/],
    [
      'a property too long',
      patched(minimal, (v) => v.setUint32(structure + 12, 0x7fffffff)),
      /reaches beyond/,
    ],
    [
      'a name beyond',
      patched(minimal, (v) => v.setUint32(structure + 16, 0x7fffffff)),
      /property name has no end/,
    ],
    ['no end', patched(minimal, (v) => v.setUint32(36, 16)), /ends in the middle|reaches beyond/],
    ['too deep', writeFdt({ root: nested(0), reservations: [], bootCpu: 0 }), /nested more than 64 deep/],
  ];
  test.each(cases)('%s', (_, bytes, message) => {
    expect(() => parseFdt(bytes, 'x.dtb')).toThrow(UserError);
    expect(() => parseFdt(bytes, 'x.dtb')).toThrow(message);
  });

  test('Cut at every byte', () => {
    for (let length = 0; length < minimal.length; length++)
      expect(() => parseFdt(minimal.subarray(0, length), 'x.dtb')).toThrow(UserError);
  });
});

test('Flipped bits give a user error, or a tree that takes the changes for the guest and still reads', () => {
  const chosen = { append: 'console=ttyAMA0', initrd: { base: 0x48000000, size: 4096 } };
  const position = fc.oneof(fc.nat(39), fc.nat(minimal.length - 1));
  const flips = fc.array(fc.tuple(position, fc.integer({ min: 1, max: 255 })), {
    minLength: 1,
    maxLength: 6,
  });
  fc.assert(
    fc.property(flips, (changes) => {
      const damaged = minimal.slice();
      for (const [at, value] of changes) damaged[at] ^= value;
      let fixed: Uint8Array;
      try {
        fixed = fixUpDeviceTree(damaged, 'x.dtb', board, chosen);
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
        return;
      }
      const { root } = parseFdt(fixed, 'fixed');
      const found = root.children.find(({ name }) => name === 'chosen')!;
      expect(found.properties).toContainEqual({ name: 'linux,initrd-end', value: cells(0x48001000) });
    }),
    { numRuns: 3000 },
  );
});
