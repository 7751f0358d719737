import { describe, expect, test } from 'vitest';
import { loadBoot } from '../../src/machine/boot.ts';
import { parseBootModule } from '../../src/machine/boot_module.ts';
import { parseFdt } from '../../src/machine/fdt.ts';
import { GuestMemory } from '../../src/machine/memory.ts';
import { DEFAULT_RECIPE } from '../../src/machine/recipe.ts';
import { RAM_BASE } from '../../src/machine/virt_map.ts';
import { linuxImage } from './linux_image.ts';

describe('--module', () => {
  test('takes a kernel with its address and command line, in which two commas are one', () => {
    expect(parseBootModule('kernel=vmlinuz,addr=0x49000000,bootargs=console=hvc0 a,,b')).toEqual({
      kind: 'kernel',
      file: 'vmlinuz',
      address: 0x4900_0000,
      bootargs: 'console=hvc0 a,b',
    });
  });

  test.each([
    ['vmlinuz', /no NAME=VALUE/],
    ['kernel=a,initrd=b', /one kernel or one initrd/],
    ['addr=0x49000000', /one kernel or one initrd/],
    ['initrd=a,bootargs=b', /no bootargs/],
    ['kernel=a,adr=1', /adr is unknown/],
    ['kernel=a,kernel=b', /twice/],
    ['kernel=a,addr=high', /write a number/],
  ])('refuses %s and says why', (argument, why) => {
    expect(() => parseBootModule(argument)).toThrow(why);
  });
});

test('modules are in RAM where the nodes in /chosen say, which name them as QEMU’s guest-loader does', () => {
  const files: { readonly [name: string]: Uint8Array } = {
    xen: linuxImage({}),
    linux: new Uint8Array(5000).fill(7),
    disk: new Uint8Array(300).fill(9),
  };
  const ram = 256 * 2 ** 20;
  const memory = new GuestMemory([{ base: RAM_BASE, size: ram }], 2 ** 26);
  const { deviceTree } = loadBoot(
    {
      ...DEFAULT_RECIPE,
      ram,
      image: 'xen',
      modules: ['kernel=linux,addr=0x49000000,bootargs=quiet', 'initrd=disk'],
      readFile: (name) => files[name],
    },
    memory,
  );
  const { root } = parseFdt(deviceTree!.bytes, 'tree');
  const chosen = root.children.find(({ name }) => name === 'chosen')!;
  const modules = chosen.children.map(({ name, properties }) => {
    const value = (wanted: string) => properties.find((property) => property.name === wanted)?.value;
    const reg = Buffer.from(value('reg')!);
    return {
      name,
      base: Number(reg.readBigUInt64BE(0)),
      size: Number(reg.readBigUInt64BE(8)),
      compatible: Buffer.from(value('compatible')!).toString().split('\0').slice(0, -1),
      bootargs: Buffer.from(value('bootargs') ?? '').toString(),
    };
  });
  expect(modules).toMatchObject([
    { compatible: ['multiboot,module', 'multiboot,ramdisk'], bootargs: '', size: 300 },
    { name: 'module@0x49000000', compatible: ['multiboot,module', 'multiboot,kernel'], bootargs: 'quiet\0' },
  ]);
  for (const [{ base, size }, content] of [
    [modules[0], files['disk']],
    [modules[1], files['linux']],
  ] as const)
    expect(memory.readBytes(base, size)).toEqual(content);
  expect(modules[0].base).toBeGreaterThan(deviceTree!.address);
});
