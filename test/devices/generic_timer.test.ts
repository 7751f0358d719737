import { beforeEach, describe, expect, it } from 'vitest';
import { GenericTimer } from '../../src/devices/generic_timer.ts';

let now = 0;
let lines: Map<string, boolean>;
let changes: number;
const make = (cpus = 1) =>
  new GenericTimer({
    clock: { now: () => now },
    cpus,
    line: (cpu, intid) => (level) => lines.set(`${cpu}:${intid}`, level),
    onDeadlineChange: () => {
      changes += 1;
    },
  });
beforeEach(() => {
  now = 0;
  lines = new Map();
  changes = 0;
});
/** An instant in ticks of the 62.5 MHz counter. */
const at = (ticks: number, ns = 0) => {
  now = 16 * ticks + ns;
};

describe('counters', () => {
  it('CNTPCT is the ns divided by 16, CNTVCT that minus CNTVOFF, both modulo 2^64', () => {
    const timer = make();
    at(100, 15);
    expect(timer.readRegister(0, 'CNTPCT_EL0')).toBe(100n);
    timer.writeRegister(0, 'CNTVOFF_EL2', 101n);
    expect(timer.readRegister(0, 'CNTVCT_EL0')).toBe(0xffff_ffff_ffff_ffffn);
    expect(timer.readRegister(0, 'CNTVOFF_EL2')).toBe(101n);
  });
});

describe.each([
  ['CNTP', 'EL0', 30],
  ['CNTV', 'EL0', 27],
  ['CNTHP', 'EL2', 26],
])('%s', (name, el, intid) => {
  const ctl = `${name}_CTL_${el}`;
  const cval = `${name}_CVAL_${el}`;
  const tval = `${name}_TVAL_${el}`;

  it('raises its PPI in the first ns of the tick of CVAL, and says when that is', () => {
    const timer = make();
    timer.writeRegister(0, cval, 50n);
    expect(timer.nextDeadline(), 'disabled').toBe(Number.POSITIVE_INFINITY);
    timer.writeRegister(0, ctl, 1n);
    expect(timer.nextDeadline()).toBe(800);
    at(49, 15);
    timer.update();
    expect([lines.get(`0:${intid}`), timer.readRegister(0, ctl)]).toEqual([false, 1n]);
    at(50);
    timer.update();
    expect([lines.get(`0:${intid}`), timer.readRegister(0, ctl)]).toEqual([true, 5n]);
    expect(timer.nextDeadline(), 'it has fired').toBe(Number.POSITIVE_INFINITY);
  });

  it('IMASK holds the line down and leaves ISTATUS; a masked timer has no deadline', () => {
    const timer = make();
    timer.writeRegister(0, cval, 50n);
    timer.writeRegister(0, ctl, 3n);
    expect(timer.nextDeadline()).toBe(Number.POSITIVE_INFINITY);
    at(60);
    timer.update();
    expect([lines.get(`0:${intid}`), timer.readRegister(0, ctl)]).toEqual([false, 7n]);
    timer.writeRegister(0, ctl, 1n);
    expect(lines.get(`0:${intid}`), 'unmasked').toBe(true);
    timer.writeRegister(0, cval, 1000n);
    expect(lines.get(`0:${intid}`), 'a later CVAL takes the condition away').toBe(false);
    timer.writeRegister(0, ctl, 0n);
    expect(timer.readRegister(0, ctl), 'ISTATUS is 0 while disabled').toBe(0n);
  });

  it('TVAL is signed 32 bits from now, and reads as 32 bits that count down through zero', () => {
    const timer = make();
    at(1000);
    timer.writeRegister(0, tval, 20n);
    expect(timer.readRegister(0, cval)).toBe(1020n);
    at(1025);
    expect(timer.readRegister(0, tval)).toBe(0xffff_fffbn);
    timer.writeRegister(0, tval, 0xffff_ffffn);
    expect(timer.readRegister(0, cval)).toBe(1024n);
  });
});

describe('virtual timer', () => {
  it('compares with the virtual counter: CNTVOFF moves its deadline', () => {
    const timer = make();
    at(100);
    timer.writeRegister(0, 'CNTVOFF_EL2', 90n);
    timer.writeRegister(0, 'CNTV_CVAL_EL0', 20n);
    timer.writeRegister(0, 'CNTV_CTL_EL0', 1n);
    expect(timer.nextDeadline()).toBe(110 * 16);
    timer.writeRegister(0, 'CNTVOFF_EL2', 80n);
    expect([lines.get('0:27'), timer.readRegister(0, 'CNTV_CTL_EL0')]).toEqual([true, 5n]);
  });

  it('a virtual counter that is still below zero has met any CVAL', () => {
    const timer = make();
    timer.writeRegister(0, 'CNTVOFF_EL2', 10n);
    timer.writeRegister(0, 'CNTV_CVAL_EL0', 0x1000n);
    timer.writeRegister(0, 'CNTV_CTL_EL0', 1n);
    expect(timer.readRegister(0, 'CNTV_CTL_EL0')).toBe(5n);
  });
});

describe('several CPUs and checkpoints', () => {
  it('each CPU has its own timers; the next deadline is the earliest of all', () => {
    const timer = make(2);
    timer.writeRegister(1, 'CNTP_CVAL_EL0', 30n);
    timer.writeRegister(1, 'CNTP_CTL_EL0', 1n);
    timer.writeRegister(0, 'CNTV_CVAL_EL0', 40n);
    timer.writeRegister(0, 'CNTV_CTL_EL0', 1n);
    expect(timer.nextDeadline()).toBe(480);
    at(30);
    timer.update();
    expect([lines.get('1:30'), lines.get('0:30')]).toEqual([true, false]);
    expect(timer.nextDeadline()).toBe(640);
    expect(changes).toBe(4);
  });

  it('what save gives is plain data from which another timer goes on', () => {
    const timer = make(2);
    timer.writeRegister(1, 'CNTHP_CVAL_EL2', 0xffff_ffff_ffff_0000n);
    timer.writeRegister(1, 'CNTHP_CTL_EL2', 1n);
    timer.writeRegister(0, 'CNTVOFF_EL2', 3n);
    const other = make(2);
    other.restore(JSON.parse(JSON.stringify(timer.save())));
    expect(other.readRegister(1, 'CNTHP_CVAL_EL2')).toBe(0xffff_ffff_ffff_0000n);
    expect(other.readRegister(0, 'CNTVOFF_EL2')).toBe(3n);
    expect(other.nextDeadline(), 'so late that it is never').toBe(Number.POSITIVE_INFINITY);
    expect(other.save()).toEqual(timer.save());
  });
});
