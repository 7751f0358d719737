/**
 * What is in memory when the first instruction runs: QEMU's monitor says where it put everything and dumps it. Our own
 * device tree goes to QEMU as a user's tree, so both sides start from the same one.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type BootOptions, loadBoot } from '../../src/machine/boot.ts';
import { generateDeviceTree } from '../../src/machine/device_tree.ts';
import { cells, type FdtNode, parseFdt, writeFdt } from '../../src/machine/fdt.ts';
import { GuestMemory } from '../../src/machine/memory.ts';
import { RAM_BASE } from '../../src/machine/virt_map.ts';
import { buildElf } from '../machine/elf_builder.ts';
import { linuxImage } from '../machine/linux_image.ts';

const MiB = 2 ** 20;
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'hindsight-boot-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const write = (name: string, bytes: Uint8Array) => {
  writeFileSync(join(folder, name), bytes);
  return join(folder, name);
};

interface Rom {
  readonly address: number;
  readonly size: number;
}

/** Runs QEMU's monitor on a stopped machine. */
function monitor(args: readonly string[], commands: readonly string[]): string {
  const all = [
    '-cpu',
    'cortex-a57',
    '-display',
    'none',
    '-net',
    'none',
    '-S',
    '-monitor',
    'stdio',
    '-serial',
    'null',
  ];
  return execFileSync('timeout', ['-s', 'KILL', '20', 'qemu-system-aarch64', ...all, ...args], {
    input: [...commands, 'q', ''].join('\n'),
    encoding: 'utf8',
    stdio: 'pipe',
  });
}

/** Without its quotes the path's first slash would divide the size. */
const saveCommand = (address: number, size: number, path: string) => `pmemsave ${address} ${size} "${path}"`;

function romsOf(output: string): Rom[] {
  const roms = [...output.matchAll(/^addr=([0-9a-f]+) size=0x([0-9a-f]+) mem=ram/gm)];
  return roms.map(([, address, size]) => ({ address: Number(`0x${address}`), size: Number(`0x${size}`) }));
}

interface Case {
  readonly image: () => Uint8Array;
  readonly gic: 2 | 3;
  readonly el: 1 | 2;
  readonly ram: number;
  readonly initrdSize?: number;
  readonly append?: string;
  readonly smp?: number;
}

const elf = (...paddrs: bigint[]) =>
  buildElf({
    segments: paddrs.map((paddr) => ({ paddr, data: new Uint8Array(5000).fill(3), memsz: 9000n })),
  });
const base: Case = { image: () => linuxImage({}), gic: 2, el: 2, ram: 256 };
const cases: { readonly [name: string]: Case } = {
  'ELF at 2 MiB': { ...base, image: () => elf(0x40200000n, 0x40300000n), append: 'quiet' },
  'ELF at 64 KiB, GICv3 and EL1': { ...base, image: () => elf(0x40010000n), gic: 3, el: 1, ram: 32 },
  'ELF too low for the tree': { ...base, image: () => elf(0x40004000n) },
  'Image with an initrd': { ...base, initrdSize: 123457, append: 'console=ttyAMA0' },
  'Image without image_size': { ...base, image: () => linuxImage({ imageSize: 0n, length: 300001 }) },
  'Image with two CPUs': { ...base, gic: 3, smp: 2 },
  'Image of odd size beyond 128 MiB': {
    ...base,
    image: () => linuxImage({ imageSize: 0x8000801n }),
    initrdSize: 5,
  },
  'Image that begins in the stub': { ...base, image: () => linuxImage({ textOffset: 0xfffn }), ram: 33 },
  'packed Image': { ...base, image: () => gzipSync(linuxImage({ length: 70000 })), el: 1 },
  '5 GiB of RAM': { ...base, ram: 5120, gic: 3 },
};

test.each(Object.keys(cases))('%s: the same bytes at the same addresses as in QEMU', (name) => {
  const { image, gic, el, ram, initrdSize, append, smp = 1 } = cases[name];
  const board = { ram: ram * MiB, gic, el, smp, cpu: 'cortex-a57' } as const;
  const options: BootOptions = {
    ...board,
    image: write('image', image()),
    dtb: write('tree.dtb', generateDeviceTree(board)),
    initrd: (initrdSize && write('initrd', new Uint8Array(initrdSize).fill(9))) || undefined,
    append,
  };
  const memory = new GuestMemory([{ base: RAM_BASE, size: board.ram }], 256 * MiB);
  const { loads } = loadBoot(options, memory);

  const args = ['-M', `virt,gic-version=${gic}${el === 2 ? ',virtualization=on' : ''}`, '-m', `${ram}`];
  args.push('-kernel', options.image!, '-dtb', options.dtb!, '-smp', `${smp}`);
  if (options.initrd) args.push('-initrd', options.initrd);
  if (append) args.push('-append', append);
  const dumps = loads.map(({ address, size }, i) => saveCommand(address, size, join(folder, `dump${i}`)));
  const roms = romsOf(monitor(args, ['info roms', ...dumps]));
  expect(loads.map(({ address, size }) => ({ address, size }))).toEqual(roms);
  for (const [i, { name: what, address, size }] of loads.entries())
    expect(readFileSync(join(folder, `dump${i}`)).equals(memory.readBytes(address, size)!), what).toBe(true);
});

describe('dtc', () => {
  const dtc = (args: readonly string[], input: Uint8Array) => {
    const source = write('in', input);
    const errors = join(folder, 'errors');
    const output = execFileSync('sh', ['-c', `dtc "$@" 2> ${errors}`, 'dtc', ...args, source]);
    return { output: new Uint8Array(output), errors: readFileSync(errors, 'utf8') };
  };
  const boards = [2, 3].flatMap((gic) => [1, 2].flatMap((el) => [1, 8].map((smp) => [gic, el, smp])));
  test.each(boards)(
    'takes our tree without a warning and gives it back unchanged: GICv%d, EL%d, %d CPUs',
    (gic, el, smp) => {
      const tree = generateDeviceTree({ ram: 5 * 2 ** 30, gic, el, smp, cpu: 'cortex-a57' } as BootOptions);
      const { output: source, errors } = dtc(['-I', 'dtb', '-O', 'dts'], tree);
      expect(errors).toBe('');
      expect(dtc(['-I', 'dts', '-O', 'dtb'], source).output).toEqual(tree);
      expect(writeFdt(parseFdt(tree, 'own'))).toEqual(tree);
    },
  );
});

/** Properties that name a node by its phandle: the numbers are each tree's own. */
const REFERENCES = ['interrupt-parent', 'phandle', 'clocks', 'gpios'];
/** Properties whose entries have a phandle among other numbers: cells of an entry, and which of them it is. */
const MAPS: { readonly [name: string]: readonly [cells: number, handle: number] } = {
  'interrupt-map': [10, 4],
  'msi-map': [4, 1],
};
const withoutHandles = (name: string, value: Uint8Array | undefined) => {
  const [count, handle] = MAPS[name] ?? [1, -1];
  return value?.map((byte, i) => (Math.floor(i / 4) % count === handle ? 0 : byte));
};

test.each([
  [2, 2, 8],
  [2, 1, 3],
  [3, 2, 18],
  [3, 1, 2],
] as const)(
  'our tree says of its devices what QEMU’s own tree says: GICv%d, EL%d, %d CPUs',
  (gic, el, smp) => {
    const path = join(folder, 'qemu.dtb');
    const machine = `virt,gic-version=${gic},dumpdtb=${path}${el === 2 ? ',virtualization=on' : ''}`;
    monitor(['-M', machine, '-m', '5G', '-smp', `${smp}`], []);
    const theirs = parseFdt(new Uint8Array(readFileSync(path)), path).root;
    const ours = parseFdt(
      generateDeviceTree({ ram: 5 * 2 ** 30, gic, el, smp, cpu: 'cortex-a57' }),
      'ours',
    ).root;
    const isCpu = ({ name }: FdtNode) => name.startsWith('cpu@');
    const reg = ({ properties }: FdtNode) => properties.find(({ name }) => name === 'reg')?.value;
    const sameReg = (a: FdtNode, b: FdtNode) => Buffer.compare(reg(a) ?? cells(), reg(b) ?? cells(1)) === 0;
    const compare = (our: FdtNode, their: FdtNode, where: string) => {
      for (const { name, value } of our.properties) {
        const expected = their.properties.find((property) => property.name === name)?.value;
        if (REFERENCES.includes(name)) continue;
        expect(withoutHandles(name, expected), `${where}${name}`).toEqual(withoutHandles(name, value));
      }
      for (const child of our.children) {
        // QEMU numbers its cpu nodes in decimal and in sequence; ours have their reg in the name, as dtc wants it.
        const twin = their.children.find((node) =>
          isCpu(child) ? sameReg(node, child) : node.name === child.name,
        );
        expect(twin, `${where}${child.name}`).toBeDefined();
        compare(child, twin!, `${where}${child.name}/`);
      }
    };
    compare(ours, theirs, '/');
  },
);

test('the fixtures’ dumps are still what this QEMU makes', () => {
  const fixtures = new URL('../machine/fixtures/', import.meta.url);
  expect(readdirSync(fixtures)).toContain('minimal.qemu');
  const image = write('image', linuxImage({}));
  const dump = join(folder, 'dump');
  const tree = new URL('minimal.dtb', fixtures).pathname;
  monitor(
    ['-M', 'virt,virtualization=on', '-m', '256M', '-kernel', image, '-dtb', tree],
    [saveCommand(0x48000000, 22958, dump)],
  );
  const expected = readFileSync(new URL('minimal.qemu', fixtures));
  expect(readFileSync(dump).subarray(0, expected.length).equals(expected)).toBe(true);
});
