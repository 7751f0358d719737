import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type BootOptions, loadBoot } from '../../src/machine/boot.ts';
import { parseFdt } from '../../src/machine/fdt.ts';
import { GuestMemory } from '../../src/machine/memory.ts';
import { UserError } from '../../src/user-error.ts';
import { buildElf, type TestElf } from './elf_builder.ts';
import { linuxImage } from './linux_image.ts';

const MiB = 2 ** 20;
const RAM = 0x40000000;
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'hindsight-boot-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, bytes: Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
}

function boot(options: Partial<BootOptions>) {
  const whole = { ram: 256 * MiB, gic: 2, smp: 1, el: 2, cpu: 'cortex-a57', ...options } as const;
  const memory = new GuestMemory([{ base: RAM, size: 256 * MiB }], 64 * MiB);
  return { memory, boot: () => loadBoot(whole, memory) };
}
function booted(options: Partial<BootOptions>) {
  const { memory, boot: load } = boot(options);
  return { memory, result: load() };
}
const elfFile = (elf: TestElf) => file('image.elf', buildElf(elf));
const bytes = (...values: number[]) => Uint8Array.from(values);
const brief = (loads: readonly { name: string; address: number; size: number }[]) =>
  loads.map(({ name, address, size }) => [name, address, size]);

describe('An ELF image', () => {
  test('goes to its physical addresses, with the device tree below and no arguments', () => {
    const image = elfFile({
      entry: 0xffff000000000004n,
      segments: [
        { paddr: 0x40080000n, vaddr: 0xffff000000000000n, data: bytes(1, 2, 3, 4, 5, 6, 7, 8) },
        { paddr: 0x40090000n, vaddr: 0xffff000000010000n, data: bytes(9), memsz: 0x5000n },
      ],
    });
    const { memory, result } = booted({ image, append: 'quiet' });
    expect(result.entry).toBe(0x40080004);
    expect([result.x0, result.x1, result.x2, result.x3, result.el]).toEqual([0, 0, 0, 0, 2]);
    expect(brief(result.loads)).toEqual([
      ['device tree', RAM, result.deviceTree!.bytes.length],
      ['segment 0', 0x40080000, 8],
      ['segment 1', 0x40090000, 0x5000],
    ]);
    expect(memory.readBytes(0x40080000, 9)).toEqual(bytes(1, 2, 3, 4, 5, 6, 7, 8, 0));
    expect(memory.readBytes(0x40090000, 2)).toEqual(bytes(9, 0));
    const chosen = parseFdt(
      memory.readBytes(RAM, result.deviceTree!.bytes.length)!,
      'guest',
    ).root.children.find(({ name }) => name === 'chosen');
    expect(chosen!.properties[0].name).toBe('bootargs');
    expect(result.loads[2].file).toBe(image);
  });

  test('at the start of RAM leaves no room for the device tree, and an option without effect is noted', () => {
    const image = elfFile({ segments: [{ paddr: 0x40000000n, data: bytes(1, 2, 3, 4) }] });
    expect(booted({ image }).result).toMatchObject({ deviceTree: undefined, notes: [] });
    expect(booted({ image, append: 'x' }).result.notes).toEqual([
      expect.stringMatching(/^--append has no effect/),
    ]);
  });

  test('whose headers alone lie below RAM is loaded without them, and one with code there is refused', () => {
    const elf = buildElf({ segments: [{ paddr: 0x3fff0000n, data: new Uint8Array(), memsz: 0x10004n }] });
    const whole = new Uint8Array(0x10004);
    whole.set(elf);
    const view = new DataView(whole.buffer);
    view.setBigUint64(24, 0x40000000n, true);
    view.setBigUint64(72, 0n, true);
    view.setBigUint64(96, 0x10004n, true);
    whole.set([1, 2, 3, 4], 0x10000);
    const { memory, result } = booted({ image: file('low.elf', whole) });
    expect(brief(result.loads)).toEqual([['segment 0', RAM, 4]]);
    expect(memory.readBytes(RAM, 4)).toEqual(bytes(1, 2, 3, 4));
    whole[0x8000] = 1;
    expect(boot({ image: file('low.elf', whole) }).boot).toThrow(
      /segment 0 \(0x3fff0000 to 0x40000004\) is outside RAM/,
    );
  });
});

test('An image comes from standard input as it does from a file', () => {
  const image = elfFile({ segments: [{ paddr: 0x40080000n, data: bytes(1, 2, 3, 4) }] });
  const source = (name: string) => new URL(`../../src/machine/${name}.ts`, import.meta.url).href;
  const program = `
    import { loadBoot } from ${JSON.stringify(source('boot'))};
    import { GuestMemory } from ${JSON.stringify(source('memory'))};
    const ram = ${MiB};
    const options = { image: '-', ram, gic: 2, smp: 1, el: 2, cpu: 'cortex-a57' };
    const { loads } = loadBoot(options, new GuestMemory([{ base: ${RAM}, size: ram }], ram));
    console.log(JSON.stringify(loads.find(({ name }) => name === 'segment 0')));`;
  const output = execFileSync(process.execPath, ['--input-type=module-typescript', '-e', program], {
    input: readFileSync(image),
    encoding: 'utf8',
  });
  const expected = booted({ image }).result.loads[1];
  expect(JSON.parse(output)).toEqual({ ...expected, file: '-' });
});

describe('A Linux Image', () => {
  test('starts in the boot stub with kernel, initrd and device tree where QEMU puts them', () => {
    const kernel = linuxImage({ imageSize: 0x410000n });
    const image = file('Image.gz', gzipSync(kernel));
    const initrd = file('initrd', new Uint8Array(100000).fill(7));
    const dtb = new URL('fixtures/minimal.dtb', import.meta.url).pathname;
    const { memory, result } = booted({ image, initrd, dtb, append: 'hello' });
    expect(result.entry).toBe(RAM);
    expect(result.elf).toBeUndefined();
    expect(brief(result.loads)).toEqual([
      ['boot stub', RAM, 40],
      ['kernel', 0x40200000, 8192],
      ['initrd', 0x48000000, 100000],
      ['device tree', 0x48200000, 22958],
    ]);
    expect(memory.read32(RAM + 24)).toBe(0x48200000);
    expect(memory.read32(RAM + 32)).toBe(0x40200000);
    const dump = readFileSync(new URL('fixtures/minimal-initrd.qemu', import.meta.url));
    expect(Buffer.from(memory.readBytes(0x48200000, dump.length)!)).toEqual(dump);
  });

  test.each([
    [8, 'the kernel and its device tree end at', undefined],
    [64, 'the kernel, its initrd and its device tree end at', 40 * MiB],
  ])('that does not fit %d MiB of RAM is refused', (ram, message, initrdSize) => {
    const image = file('Image', linuxImage({ imageSize: BigInt(7 * MiB) }));
    const initrd = initrdSize && file('initrd', new Uint8Array(initrdSize));
    expect(boot({ image, initrd: initrd || undefined, ram: ram * MiB }).boot).toThrow(message);
  });
});

describe('Raw binaries', () => {
  test('alone start at the first one, with the device tree at the start of RAM', () => {
    const raw = file('raw.bin', bytes(1, 2, 3, 4));
    const { result } = booted({ load: [`${raw}@0x40200000`, `${raw}@1077936128`] });
    expect(result.entry).toBe(0x40200000);
    expect(result.loads.map(({ name, address }) => [name, address])).toEqual([
      ['device tree', RAM],
      ['load', 0x40200000],
      ['load', 0x40400000],
    ]);
  });

  test('may be named as the image too', () => {
    const raw = file('raw.bin', bytes(1, 2, 3, 4));
    const other = file('other.bin', bytes(5));
    expect(booted({ image: raw, load: [`${other}@0x40400000`, `${raw}@0x40000000`] }).result.entry).toBe(RAM);
  });
});

describe('Mistakes are refused in one line, and memory stays as it was', () => {
  const good = () => elfFile({ segments: [{ paddr: 0x40080000n, data: bytes(1, 2, 3, 4) }] });
  const cases: [string, () => Partial<BootOptions>, RegExp][] = [
    ['no such file', () => ({ image: join(folder, 'nothing') }), /nothing: no such file$/],
    ['a folder', () => ({ image: folder }), /is a directory$/],
    ['an empty file', () => ({ image: file('empty', bytes()) }), /empty: is empty$/],
    [
      'text',
      () => ({ image: file('text', Buffer.from('hello\n')) }),
      /neither an ELF file nor a Linux Image.*--load/,
    ],
    ['nothing to run', () => ({}), /^no image: name an ELF file/],
    ['no segments', () => ({ image: elfFile({ segments: [] }) }), /has no loadable segment/],
    [
      'a segment above RAM',
      () => ({ image: elfFile({ segments: [{ paddr: 0x80000000n, data: bytes(1) }] }) }),
      /segment 0 \(0x80000000 to 0x80000001\) is outside RAM \(0x40000000 to 0x50000000\): give more with --ram/,
    ],
    [
      'a segment at 0',
      () => ({ image: elfFile({ type: 3, segments: [{ paddr: 0n, data: bytes(1) }] }) }),
      /segment 0 .* is outside RAM .*: link or load it higher/,
    ],
    [
      'a segment of nearly all memory',
      () => ({
        image: elfFile({ segments: [{ paddr: 0x40000000n, data: bytes(1), memsz: 2n ** 64n - 1n }] }),
      }),
      /outside RAM/,
    ],
    [
      'segments on top of each other',
      () => ({
        image: elfFile({
          segments: [
            { paddr: 0x40080000n, data: bytes(1), memsz: 0x1000n },
            { paddr: 0x40080800n, data: bytes(1) },
          ],
        }),
      }),
      /segment 1 \(0x40080800 to 0x40080801\) overlaps .*segment 0 \(0x40080000 to 0x40081000\)/,
    ],
    [
      'an entry point outside RAM',
      () => ({ image: elfFile({ entry: 16n, segments: [{ paddr: 0x40080000n, data: bytes(1) }] }) }),
      /entry point 0x10 is outside RAM/,
    ],
    [
      'a dynamic program',
      () => ({ image: elfFile({ segments: [{ type: 3, paddr: 0x40080000n, data: bytes(1) }] }) }),
      /dynamically linked/,
    ],
    ['a load over the image', () => ({ image: good(), load: [`${good()}@0x40080002`] }), /overlaps/],
    [
      'a load over the device tree',
      () => ({ image: good(), load: [`${good()}@0x40000100`] }),
      /overlaps the device tree/,
    ],
    [
      'a load outside RAM',
      () => ({ image: good(), load: [`${good()}@0x4ffffff0`] }),
      /image\.elf: load .* is outside RAM/,
    ],
    ['a load without address', () => ({ image: good(), load: ['file'] }), /^--load file: write FILE@ADDRESS/],
    ['a load with a bad address', () => ({ image: good(), load: ['file@0xzz'] }), /^--load file@0xzz: write/],
    [
      'an initrd for an ELF',
      () => ({ image: good(), initrd: good() }),
      /^--initrd: an ELF image gets no initrd/,
    ],
    ['a bad device tree', () => ({ image: good(), dtb: good() }), /image\.elf: not a device tree blob/],
    ['RAM of odd size', () => ({ image: good(), ram: 4095 }), /^--ram 4095: must be/],
    ['too many CPUs', () => ({ image: good(), smp: 9 }), /^--smp 9: GICv2 serves 1 to 8 CPUs/],
  ];
  test.each(cases)('%s', (_, options, message) => {
    const { memory, boot: load } = boot(options());
    expect(load).toThrow(UserError);
    expect(load).toThrow(message);
    expect(memory.slotPages).toEqual([]);
  });
});

test('Flipped bits in an ELF image give a user error, or an image that is loaded', () => {
  const image = buildElf({
    segments: [
      { paddr: 0x40080000n, data: new Uint8Array(64) },
      { paddr: 0x40090000n, data: new Uint8Array(64), memsz: 0x1000n },
    ],
  });
  const memory = new GuestMemory([{ base: RAM, size: 256 * MiB }], 64 * MiB);
  const flips = fc.array(fc.tuple(fc.nat(175), fc.nat(255)), { minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(flips, (changes) => {
      const damaged = image.slice();
      for (const [at, value] of changes) damaged[at] ^= value;
      const options = { ram: 256 * MiB, gic: 3, smp: 1, el: 1, cpu: 'cortex-a57' } as const;
      try {
        loadBoot({ ...options, image: file('flipped.elf', damaged) }, memory);
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
      }
    }),
    { numRuns: 500 },
  );
});
