import { describe, expect, test } from 'vitest';
import { Pl061 } from '../../src/devices/pl061.ts';
import { testContext } from './support.ts';

const [DIR, IS, IBE, IEV, IE, RIS, MIS, IC] = [0x400, 0x404, 0x408, 0x40c, 0x410, 0x414, 0x418, 0x41c];

function gpio() {
  const { context } = testContext();
  const levels: boolean[] = [];
  const device = new Pl061({ context, line: (level) => levels.push(level) });
  return {
    device,
    read: (offset: number) => device.read(offset, 4),
    write: (offset: number, value: number) => device.write(offset, 4, value),
    line: () => levels.at(-1) ?? false,
  };
}

describe('PL061', () => {
  test('drives only outputs, and shows and changes only the pins that the address chooses', () => {
    const { read, write } = gpio();
    write(DIR, 0x0f);
    write(0x3fc, 0xff);
    expect(read(0x3fc)).toBe(0x0f);
    expect(read(4 * 0x03)).toBe(0x03);
    write(4 * 0x01, 0);
    expect(read(0x3fc)).toBe(0x0e);
  });

  test('an edge is an interrupt until it is cleared, and reaches the line when it is not masked', () => {
    const { read, write, line } = gpio();
    write(DIR, 0x08);
    write(IEV, 0x08);
    write(0x3fc, 0x08);
    expect([read(RIS), read(MIS), line()]).toEqual([0x08, 0, false]);
    write(IE, 0x08);
    expect([read(MIS), line()]).toEqual([0x08, true]);
    write(IC, 0x08);
    expect([read(RIS), line()]).toEqual([0, false]);
    write(0x3fc, 0);
    expect(read(RIS)).toBe(0);
    write(IBE, 0x08);
    write(0x3fc, 0x08);
    write(IC, 0x08);
    write(0x3fc, 0);
    expect(read(RIS)).toBe(0x08);
  });

  test('a level that lasts cannot be cleared', () => {
    const { read, write } = gpio();
    write(IS, 0x01);
    expect(read(RIS)).toBe(0x01);
    write(IC, 0x01);
    expect(read(RIS)).toBe(0x01);
    write(IEV, 0x01);
    expect(read(RIS)).toBe(0);
  });
});
