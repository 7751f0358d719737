import { describe, expect, test } from 'vitest';
import { FwCfg, type FwCfgContents } from '../../src/devices/fw_cfg.ts';

const DATA = 0;
const SELECTOR = 8;
const DMA = 16;
const [READ, SKIP, SELECT, WRITE] = [2, 4, 8, 16];

function fwCfg(contents: Partial<FwCfgContents> = {}) {
  const memory = Buffer.alloc(65536);
  const inside = (pa: number, length: number) => pa + length <= memory.length;
  const device = new FwCfg(
    { cpus: 2, ram: 2 ** 28, ...contents },
    {
      read: (pa, target) =>
        inside(pa, target.length) && target.set(memory.subarray(pa, pa + target.length)) === undefined,
      write: (pa, source) => inside(pa, source.length) && memory.set(source, pa) === undefined,
    },
  );
  const select = (key: number) => device.write(SELECTOR, 2, ((key & 0xff) << 8) | (key >> 8));
  const text = (length: number) =>
    Array.from({ length }, () => String.fromCharCode(device.read(DATA, 1))).join('');
  const request = (control: number, length: number, target: number) => {
    memory.writeUInt32BE(control, 0x100);
    memory.writeUInt32BE(length, 0x104);
    memory.writeBigUInt64BE(BigInt(target), 0x108);
    device.write(DMA, 4, 0);
    device.write(DMA + 4, 4, Buffer.from([0, 0, 1, 0]).readUInt32LE(0));
    return memory.readUInt32BE(0x100);
  };
  return { device, memory, select, text, request };
}

describe('fw_cfg', () => {
  test('is recognised: its signature, its features, and the signature of DMA', () => {
    const { device, select, text } = fwCfg();
    select(0);
    expect(text(4)).toBe('QEMU');
    select(1);
    expect(device.read(DATA, 4)).toBe(3);
    expect(
      Buffer.from(new Uint32Array([device.read(DMA, 4), device.read(DMA + 4, 4)]).buffer).toString(),
    ).toBe('QEMU CFG');
  });

  test('reads on byte by byte whatever the size of the access, zeros behind the end, and from the start when selected again', () => {
    const { device, select } = fwCfg({ initrd: Uint8Array.of(1, 2, 3, 4, 5) });
    select(0x12);
    expect([device.read(DATA, 1), device.read(DATA, 2), device.read(DATA, 4)]).toEqual([1, 0x0302, 0x0504]);
    select(0x12);
    expect(device.read(DATA, 1)).toBe(1);
    select(0x0b);
    expect(device.read(DATA, 4)).toBe(5);
  });

  test('lists its files, each of which can be selected by the number in the list', () => {
    const { select, text, device } = fwCfg();
    select(0x19);
    expect(text(4)).toBe('\0\0\0\x05');
    const name = (name: string) => name.padEnd(56, '\0');
    expect(text(128)).toBe(
      `\0\0\0\0\0\x20\0\0${name('bios-geometry')}\0\0\0\0\0\x21\0\0${name('bootorder')}`,
    );
    expect(text(64)).toBe(`\0\0\0\x04\0\x22\0\0${name('etc/boot-fail-wait')}`);
    expect(text(64)).toBe(`\0\0\0\x18\0\x23\0\0${name('etc/smbios/smbios-anchor')}`);
    select(0x22);
    expect(device.read(DATA, 4)).toBe(0xffff_ffff);
    select(0x23);
    expect(text(5)).toBe('_SM3_');
  });

  test('DMA selects and copies, skips, and says when it could not', () => {
    const { memory, request } = fwCfg({ append: 'console=ttyAMA0' });
    expect(request((0x15 << 16) | SELECT | READ, 7, 0x1000)).toBe(0);
    expect(memory.toString('latin1', 0x1000, 0x1008)).toBe('console\0');
    expect(request(SKIP, 1, 0)).toBe(0);
    expect(request(READ, 32, 0x2000)).toBe(0);
    expect(memory.toString('latin1', 0x2000, 0x2008)).toBe('ttyAMA0\0');
    expect(request((0x15 << 16) | SELECT | READ, 0xffff_ffff, 0x1000)).toBe(1);
    expect(request((0x15 << 16) | SELECT | WRITE, 1, 0x1000)).toBe(1);
  });

  test('a saved device goes on in the middle of an item', () => {
    const first = fwCfg();
    first.select(0);
    first.text(2);
    const second = fwCfg();
    second.device.restore(first.device.save());
    expect(second.text(2)).toBe('MU');
  });
});
