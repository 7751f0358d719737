import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { PcieHost, PcieWindow } from '../../src/devices/pcie_host.ts';

interface Dump {
  /** Words of the configuration space of 00:00.0. */
  readonly reset: readonly number[];
  readonly afterOnes: readonly number[];
  /** Words at physical addresses. */
  readonly elsewhere: Readonly<Record<string, number>>;
}
const golden: Dump = JSON.parse(
  readFileSync(new URL('pcie-configuration.qemu.json', import.meta.url), 'utf8'),
);
const ECAM = 0x40_1000_0000;
const ECAM_SIZE = 0x1000_0000;
const words = (host: PcieHost) => golden.reset.map((_, n) => host.read(4 * n, 4));

describe('the PCIe host bridge', () => {
  test('has QEMU’s configuration space at reset, and what QEMU keeps of ones', () => {
    const host = new PcieHost();
    expect(words(host)).toEqual(golden.reset);
    for (let n = 0; n < golden.reset.length; n++) host.write(4 * n, 4, 0xffff_ffff);
    expect(words(host)).toEqual(golden.afterOnes);
  });

  test('is read and written in bytes and halves as in words', () => {
    const host = new PcieHost();
    expect([host.read(0, 2), host.read(2, 2), host.read(11, 1)]).toEqual([0x1b36, 0x0008, 0x06]);
    host.write(0x05, 1, 0xff);
    expect(host.read(0x04, 4)).toBe(0x500);
    host.write(0x42, 2, 0x1234);
    expect(host.read(0x40, 4)).toBe(0x1234_0000);
  });

  test('nothing answers behind it: ones, as in QEMU', () => {
    const host = new PcieHost();
    const window = new PcieWindow('pcie-mmio');
    for (const [text, value] of Object.entries(golden.elsewhere)) {
      const pa = Number(text);
      const inside = pa >= ECAM && pa < ECAM + ECAM_SIZE;
      expect(inside ? host.read(pa - ECAM, 4) : window.read(pa, 4), text).toBe(value);
    }
    expect([window.read(1, 1), window.read(2, 2)]).toEqual([0xff, 0xffff]);
    host.write(0x8000, 4, 5);
    expect(host.read(0x8000, 4)).toBe(0xffff_ffff);
  });

  test('names the function and the register for table mmio', () => {
    const host = new PcieHost();
    expect(host.registerName(0)).toBe('00:00.0 vendor and device');
    expect(host.registerName((3 << 20) | (31 << 15) | (2 << 12) | 0x106)).toBe('03:1f.2 0x104');
  });

  test('what was written is there again after save and restore', () => {
    const host = new PcieHost();
    host.write(0x04, 4, 0x7);
    const other = new PcieHost();
    other.restore(JSON.parse(JSON.stringify(host.save())));
    expect(words(other)).toEqual(words(host));
  });
});
