import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { Pl031 } from '../../src/devices/pl031.ts';
import { TestClock, testContext } from './support.ts';

const DR = 0x00;
const MR = 0x04;
const LR = 0x08;
const IMSC = 0x10;
const RIS = 0x14;
const MIS = 0x18;
const ICR = 0x1c;
const SECOND = 1_000_000_000;

function rtc(base?: number) {
  const { context } = testContext();
  const clock = new TestClock();
  const levels: boolean[] = [];
  const device = new Pl031({ context, clock, line: (l) => levels.push(l), base });
  return { device, clock, line: () => levels.at(-1) ?? false };
}

describe('PL031', () => {
  test('every register reads after reset what QEMU 7.2 reads with -rtc base=2024-01-01', () => {
    const path = new URL('primecell-reset.qemu.json', import.meta.url);
    const golden: { [offset: string]: number } = JSON.parse(readFileSync(path, 'utf8')).pl031;
    const { device } = rtc();
    expect(Object.fromEntries(Object.keys(golden).map((o) => [o, device.read(Number(o), 4)]))).toEqual(
      golden,
    );
  });

  test('the counter is the base plus whole seconds of virtual time, modulo 2^32', () => {
    const { device, clock } = rtc(0xffff_ffff);
    clock.time = 2 * SECOND - 1;
    expect(device.read(DR, 4)).toBe(0);
  });

  test('loading the counter changes what it reads from now on', () => {
    const { device, clock } = rtc();
    clock.time = 5 * SECOND;
    device.write(LR, 4, 1000);
    expect([device.read(DR, 4), device.read(LR, 4)]).toEqual([1000, 1000]);
    clock.time = 7 * SECOND;
    expect(device.read(DR, 4)).toBe(1002);
  });

  test('the alarm is due when the counter becomes equal to the match, and its line obeys the mask until cleared', () => {
    const { device, clock, line } = rtc(1000);
    clock.time = SECOND / 2;
    device.write(MR, 4, 1003);
    expect(device.nextDeadline()).toBe(3 * SECOND);
    clock.time = 3 * SECOND;
    device.advance();
    expect([device.read(RIS, 4), device.read(MIS, 4), line()]).toEqual([1, 0, false]);
    device.write(IMSC, 4, 1);
    expect([device.read(MIS, 4), line(), device.nextDeadline()]).toEqual([1, true, Number.POSITIVE_INFINITY]);
    device.write(ICR, 4, 1);
    expect([device.read(RIS, 4), line()]).toEqual([0, false]);
  });

  test('a match with the present second is raised at once; one in the past waits for the counter to wrap', () => {
    const { device } = rtc(1000);
    device.write(MR, 4, 1000);
    expect(device.read(RIS, 4)).toBe(1);
    device.write(ICR, 4, 1);
    device.write(MR, 4, 999);
    expect([device.read(RIS, 4), device.nextDeadline()]).toEqual([0, (2 ** 32 - 1) * SECOND]);
  });

  test('a restored clock has the same alarm', () => {
    const { device } = rtc(1000);
    device.write(LR, 4, 50);
    device.write(MR, 4, 60);
    const other = rtc();
    other.device.restore(JSON.parse(JSON.stringify(device.save())));
    expect([other.device.read(DR, 4), other.device.nextDeadline()]).toEqual([50, 10 * SECOND]);
  });
});
