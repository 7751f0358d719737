import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { CfiFlash, FLASH_BLOCK } from '../../src/devices/cfi_flash.ts';
import { NO_EVENTS } from '../../src/trace/schema.ts';

const SIZE = 4 * FLASH_BLOCK;

function flash(size = SIZE) {
  const bytes = new Uint8Array(size).fill(0xff);
  const view = new DataView(bytes.buffer);
  let readArray = true;
  const device = new CfiFlash({
    name: 'flash0',
    context: { events: NO_EVENTS, pc: () => 0n },
    size,
    array: {
      read: (offset, size) =>
        size === 4
          ? view.getUint32(offset, true)
          : size === 2
            ? view.getUint16(offset, true)
            : view.getUint8(offset),
      write: (offset, content) => bytes.set(content, offset),
      setReadArray: (value) => {
        readArray = value;
      },
    },
  });
  const write = (offset: number, ...values: number[]) => {
    for (const value of values) device.write(offset, 4, value);
  };
  return { device, bytes, view, write, readArray: () => readArray };
}

describe('a bank of two chips', () => {
  test('programs a word, which clears bits only, and shows that it is ready on both chips', () => {
    const { device, view, write, readArray } = flash();
    write(8, 0x0040_0040, 0x1234_5678);
    expect(readArray()).toBe(false);
    expect(device.read(0, 4)).toBe(0x0080_0080);
    expect(view.getUint32(8, true)).toBe(0x1234_5678);
    write(8, 0x0040_0040, 0xffff_0000);
    expect(view.getUint32(8, true)).toBe(0x1234_0000);
    write(0, 0x00ff_00ff);
    expect(readArray()).toBe(true);
    expect(device.read(8, 4)).toBe(0x1234_0000);
  });

  test('erases the block that the first write names, when it is confirmed, and no other', () => {
    const { device, bytes, write } = flash();
    bytes.fill(0);
    write(FLASH_BLOCK + 64, 0x0020_0020);
    expect(bytes[FLASH_BLOCK]).toBe(0);
    write(FLASH_BLOCK + 64, 0x00d0_00d0);
    expect(device.read(0, 2)).toBe(0x80);
    expect([
      bytes[FLASH_BLOCK - 1],
      bytes[FLASH_BLOCK],
      bytes[2 * FLASH_BLOCK - 1],
      bytes[2 * FLASH_BLOCK],
    ]).toEqual([0, 0xff, 0xff, 0]);
  });

  test('takes as many words into its buffer as announced, and then wants to be told to go on', () => {
    const { device, view, write } = flash();
    write(0, 0x00e8_00e8, 0x0002_0002);
    for (const at of [0x100, 0x104, 0x108]) device.write(at, 4, at);
    write(0, 0x00d0_00d0, 0x0070_0070);
    expect(device.read(0, 4)).toBe(0x0080_0080);
    expect([0x100, 0x104, 0x108].map((at) => view.getUint32(at, true))).toEqual([0x100, 0x104, 0x108]);
  });

  test('a sequence that does not end in its confirmation erases nothing and sets both error bits until they are cleared', () => {
    const { device, bytes, write } = flash();
    bytes.fill(0);
    write(0, 0x0020_0020, 0x0012_0012);
    expect(device.read(0, 4)).toBe(0x00b0_00b0);
    expect(bytes[0]).toBe(0);
    write(0, 0x0050_0050, 0x0070_0070);
    expect(device.read(0, 4)).toBe(0x0080_0080);
  });

  test('says in query, identifier and status mode what a bank of 64 MiB says in QEMU 7.2', () => {
    const golden = JSON.parse(readFileSync(new URL('cfi-flash.qemu.json', import.meta.url), 'utf8'));
    const { device, write } = flash(2 ** 26);
    const words = (count: number) => Array.from({ length: count }, (_, i) => device.read(4 * i, 4));
    write(0, 0x0098_0098);
    expect(words(golden.query.length)).toEqual(golden.query);
    write(0, 0x0090_0090);
    expect(words(golden.identifiers.length)).toEqual(golden.identifiers);
    write(0, 0x0070_0070);
    expect(device.read(0, 4)).toBe(golden.status);
  });

  test('says who it is: Intel, QRY, its size and its blocks', () => {
    const { device, write } = flash();
    write(0, 0x0090_0090);
    expect([device.read(0, 4), device.read(4, 4)]).toEqual([0x0089_0089, 0x0018_0018]);
    write(0, 0x0098_0098);
    const query = (at: number) => device.read(4 * at, 1);
    expect(String.fromCharCode(query(0x10), query(0x11), query(0x12))).toBe('QRY');
    expect(2 ** query(0x27) * 2).toBe(SIZE);
    expect((query(0x2d) + 1) * (query(0x2f) * 256 + query(0x30) * 65536) * 2).toBe(SIZE);
  });

  test('a saved bank goes on in the middle of a sequence', () => {
    const first = flash();
    first.write(0, 0x0020_0020);
    const second = flash();
    second.bytes.fill(0);
    second.device.restore(first.device.save());
    expect(second.readArray()).toBe(false);
    second.write(0, 0x00d0_00d0);
    expect(second.bytes[0]).toBe(0xff);
  });
});
