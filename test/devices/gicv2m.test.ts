import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { GicV2 } from '../../src/devices/gicv2.ts';
import { GicV2m, V2M_COUNT, V2M_FIRST } from '../../src/devices/gicv2m.ts';
import { testContext } from './support.ts';

const golden: Record<string, number> = JSON.parse(
  readFileSync(new URL('gicv2m-registers.qemu.json', import.meta.url), 'utf8'),
);
const SETSPI = 0x40;

function frame() {
  const { context } = testContext();
  const levels: [number, boolean][] = [];
  const device = new GicV2m(context, (intid) => (level) => levels.push([intid, level]));
  return { device, levels };
}

describe('GICv2m', () => {
  test('reads as QEMU’s frame does, everywhere', () => {
    const { device } = frame();
    for (let offset = 0; offset < 0x1000; offset += 4)
      expect(device.read(offset, 4), offset.toString(16)).toBe(golden[`0x${offset.toString(16)}`] ?? 0);
  });

  test('a message is an edge of its SPI, whether 16 or 32 bits are written; others are ignored', () => {
    const { device, levels } = frame();
    for (const intid of [V2M_FIRST - 1, V2M_FIRST + V2M_COUNT, 0, 1023]) device.write(SETSPI, 4, intid);
    expect(levels).toEqual([]);
    device.write(SETSPI, 4, V2M_FIRST);
    device.write(SETSPI, 2, V2M_FIRST + V2M_COUNT - 1);
    expect(levels).toEqual([
      [80, true],
      [80, false],
      [143, true],
      [143, false],
    ]);
  });

  test('pending stays where the interrupt is an edge, and nothing where it is a level', () => {
    const { context } = testContext();
    const gic = new GicV2({ context, cpuCount: 1, currentCpu: () => 0, onOutputsChanged: () => {} });
    const device = new GicV2m(context, (intid) => gic.line(intid));
    const pending = () => gic.gicd.read(0x200 + 4 * 2, 4);
    device.write(SETSPI, 4, 81);
    expect(pending()).toBe(0);
    gic.gicd.write(0xc00 + 4 * 5, 4, 2 << 2);
    device.write(SETSPI, 4, 81);
    expect(pending()).toBe(1 << 17);
  });
});
