import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { Pl011 } from '../../src/devices/pl011.ts';
import { TestClock, testContext } from './support.ts';

const DR = 0x00;
const RSR = 0x04;
const FR = 0x18;
const IBRD = 0x24;
const LCR_H = 0x2c;
const CR = 0x30;
const IFLS = 0x34;
const IMSC = 0x38;
const RIS = 0x3c;
const MIS = 0x40;
const ICR = 0x44;

const RX = 1 << 4;
const TX = 1 << 5;
const RT = 1 << 6;
const OE = 1 << 10;

function uart() {
  const { events, context } = testContext();
  const clock = new TestClock();
  const out: number[] = [];
  const levels: boolean[] = [];
  const device = new Pl011({ context, clock, line: (l) => levels.push(l), output: (byte) => out.push(byte) });
  const line = () => levels.at(-1) ?? false;
  return { device, clock, out, events, line };
}

describe('PL011', () => {
  test('every register reads after reset what QEMU 7.2 reads', () => {
    const path = new URL('primecell-reset.qemu.json', import.meta.url);
    const golden: { [offset: string]: number } = JSON.parse(readFileSync(path, 'utf8')).pl011;
    const { device } = uart();
    const ours = Object.fromEntries(Object.keys(golden).map((o) => [o, device.read(Number(o), 4)]));
    expect(ours).toEqual(golden);
  });

  test('a register keeps the bits that the manual gives it and no others', () => {
    const { device } = uart();
    const offsets = [0x20, IBRD, 0x28, LCR_H, CR, IFLS, IMSC, 0x48];
    for (const o of offsets) device.write(o, 4, 0xffffffff);
    expect(offsets.map((o) => device.read(o, 4))).toEqual([0xff, 0xffff, 0x3f, 0xff, 0xff87, 0x3f, 0x7ff, 7]);
  });

  test('a byte written is out at once, in the console table, and raises the transmit interrupt even with the UART disabled', () => {
    const { device, out, events, line } = uart();
    device.write(IMSC, 4, TX);
    expect(line()).toBe(false);
    device.write(DR, 1, 0x41);
    expect(out).toEqual([0x41]);
    expect(events).toEqual([{ table: 'console', device: 'pl011', direction: 'out', byte: 0x41 }]);
    expect([device.read(RIS, 4), device.read(MIS, 4), line()]).toEqual([TX, TX, true]);
    expect(device.read(FR, 4)).toBe(0x90);
    device.write(ICR, 4, TX);
    expect([device.read(RIS, 4), line()]).toEqual([0, false]);
  });

  test('without FIFO one byte fills the receiver and raises the receive interrupt until it is read', () => {
    const { device, line } = uart();
    device.write(IMSC, 4, RX);
    device.receive(0x61);
    expect([device.read(FR, 4), device.canReceive(), line()]).toEqual([0xc0, false, true]);
    expect(device.read(DR, 4)).toBe(0x61);
    expect([device.read(FR, 4), device.canReceive(), line()]).toEqual([0x90, true, false]);
  });

  test('the receive interrupt rises at the level that UARTIFLS selects and falls below it', () => {
    for (const [select, level] of [
      [0, 2],
      [1, 4],
      [2, 8],
      [3, 12],
      [4, 14],
    ]) {
      const { device } = uart();
      device.write(IBRD, 4, 13);
      device.write(LCR_H, 4, 0x70);
      device.write(IFLS, 4, select << 3);
      for (let i = 1; i < level; i++) device.receive(i);
      expect(device.read(RIS, 4) & RX).toBe(0);
      device.receive(level);
      expect(device.read(RIS, 4) & RX).toBe(RX);
      device.read(DR, 4);
      expect(device.read(RIS, 4) & RX).toBe(0);
    }
  });

  test('the receive timeout is due 32 bit periods after the last byte, and goes when the FIFO is empty', () => {
    const { device, clock, line } = uart();
    device.write(IBRD, 4, 13);
    device.write(0x28, 4, 1);
    device.write(LCR_H, 4, 0x70);
    device.write(IMSC, 4, RT);
    clock.time = 1000;
    device.receive(1);
    // 24 MHz / (16 × (13 + 1/64)) is 115,246 baud: 32 bits take 277,666 ns.
    expect(device.nextDeadline()).toBe(1000 + 277_666);
    device.advance();
    expect(line()).toBe(false);
    clock.time = device.nextDeadline();
    device.advance();
    expect([line(), device.nextDeadline()]).toEqual([true, Number.POSITIVE_INFINITY]);
    device.read(DR, 4);
    expect(line()).toBe(false);
  });

  test('with no baud rate set the receive timeout is due at once', () => {
    const { device } = uart();
    device.write(LCR_H, 4, 0x10);
    device.receive(1);
    expect(device.read(RIS, 4)).toBe(RT);
  });

  test('a byte that finds 16 in the FIFO is lost, the next one read carries the overrun flag, and the 16 are whole', () => {
    const { device } = uart();
    device.write(LCR_H, 4, 0x10);
    for (let i = 0; i < 17; i++) device.receive(i);
    expect(device.read(RIS, 4) & OE).toBe(OE);
    expect([device.read(RSR, 4), device.read(FR, 4)]).toEqual([8, 0xc0]);
    expect(device.read(DR, 4)).toBe(0x800);
    expect(device.read(RSR, 4)).toBe(8);
    device.write(RSR, 4, 0);
    expect(device.read(RSR, 4)).toBe(0);
    expect(Array.from({ length: 16 }, () => device.read(DR, 4))).toEqual([
      ...Array.from({ length: 15 }, (_, i) => i + 1),
      0,
    ]);
    expect(device.read(FR, 4)).toBe(0x90);
  });

  test('switching the FIFO on or off empties it', () => {
    const { device } = uart();
    device.write(LCR_H, 4, 0x10);
    device.receive(1);
    device.write(LCR_H, 4, 0x00);
    expect([device.read(FR, 4), device.read(RIS, 4), device.nextDeadline()]).toEqual([
      0x90,
      0,
      Number.POSITIVE_INFINITY,
    ]);
  });

  test('in loopback a byte comes back instead of going out, and the modem outputs show as inputs with their interrupts', () => {
    const { device, out } = uart();
    device.write(CR, 4, 0x381);
    device.write(DR, 4, 0x55);
    expect([out, device.read(DR, 4)]).toEqual([[], 0x55]);
    device.write(CR, 4, 0x381 | 0x3c00);
    expect([device.read(FR, 4), device.read(RIS, 4) & 0xf]).toEqual([0x90 | 0x107, 0xf]);
  });

  test('a byte read goes to the console table as input', () => {
    const { device, events } = uart();
    device.receive(0x0d);
    device.read(DR, 4);
    expect(events).toEqual([{ table: 'console', device: 'pl011', direction: 'in', byte: 0x0d }]);
  });

  test('a register that does not exist reads as zero and is reported', () => {
    const { device, events } = uart();
    expect(device.read(0x08, 4)).toBe(0);
    device.write(0xfe0, 4, 1);
    expect(events.map((e) => e['what'])).toEqual(['pl011 read of 0x8', 'pl011 write of UARTPeriphID0']);
  });

  test('registers are named as in the manual', () => {
    const { device } = uart();
    expect([0, 1, 4, 0x18, 0x2c, 0xffc, 0x8].map((o) => device.registerName(o))).toEqual([
      'UARTDR',
      'UARTDR',
      'UARTRSR',
      'UARTFR',
      'UARTLCR_H',
      'UARTPCellID3',
      '0x8',
    ]);
  });

  test('a restored UART goes on where the saved one was', () => {
    const { device } = uart();
    device.write(LCR_H, 4, 0x10);
    device.write(IMSC, 4, RT);
    for (let i = 0; i < 17; i++) device.receive(i);
    const saved = JSON.parse(JSON.stringify(device.save()));
    const other = uart();
    other.device.restore(saved);
    expect(other.line()).toBe(true);
    expect(other.device.read(DR, 4)).toBe(0x800);
    expect(device.save()).toEqual(saved);
  });
});
