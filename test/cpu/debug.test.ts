import { describe, expect, it } from 'vitest';
import { breakpointOf, comparedBits, watchpointOf } from '../../src/cpu/debug/comparators.ts';
import {
  debugExceptionsEnabled,
  stepAfterReturn,
  stepIsActive,
} from '../../src/cpu/debug/debug_exceptions.ts';
import { SelfHostedDebug } from '../../src/cpu/debug/self_hosted_debug.ts';
import { CpuMachine } from './cpu_machine.ts';

const KDE = 1n << 13n;
const MDE = 1n << 15n;
const SS = 1n;
const TDE = 1n << 8n;
const TGE = 1n << 27n;
const RW = 1n << 31n;
/** E; PMC or PAC EL1 and EL0; all bytes; a watchpoint is for loads and stores. */
const BREAK = 0x1e7n;
const WATCH = 0x1fffn;
const BITS = comparedBits(false);

interface Setting {
  readonly el?: number;
  readonly masked?: boolean;
  readonly registers?: { readonly [name: string]: bigint | undefined };
}

function cpu({ el = 1, masked = false, registers = {} }: Setting) {
  const machine = new CpuMachine();
  machine.state.setSmall('el', el);
  machine.state.setSmall('daif', masked ? 15 : 7);
  machine.registers.set('OSLAR_EL1', 0n);
  for (const [name, value] of Object.entries(registers)) machine.registers.set(name, value ?? 0n);
  let uncounted = 0;
  const debug = new SelfHostedDebug({
    ...{ state: machine.state, registers: machine.registers, exceptions: machine.exceptions, el2: true },
    doNotCount: () => uncounted++,
  });
  debug.refresh();
  return { machine, debug, uncounted: () => uncounted };
}
const syndrome = (machine: CpuMachine, el: 1 | 2) => machine.registers.get(`ESR_EL${el}`);

describe('debug exceptions are enabled (D2.4)', () => {
  it.each([
    { el: 0, expected: true },
    { el: 1, expected: false },
    { el: 1, registers: { MDSCR_EL1: KDE }, expected: true },
    { el: 1, masked: true, registers: { MDSCR_EL1: KDE }, expected: false },
    { el: 0, masked: true, expected: true },
    { el: 2, registers: { MDSCR_EL1: KDE }, expected: false },
    { el: 2, registers: { MDSCR_EL1: KDE, MDCR_EL2: TDE }, expected: true },
    { el: 1, masked: true, registers: { MDCR_EL2: TDE }, expected: true },
    { el: 0, masked: true, registers: { HCR_EL2: RW | TGE }, expected: true },
    { el: 0, registers: { OSLAR_EL1: 1n }, expected: false },
    { el: 0, registers: { OSDLR_EL1: 1n }, expected: false },
  ])('%o', ({ expected, ...setting }) => {
    expect(debugExceptionsEnabled(cpu(setting).machine.state)).toBe(expected);
  });
});

describe('software step (D2.12)', () => {
  it.each([
    // Returns from where debug exceptions are off to where they are on take SPSR.SS; all others clear PSTATE.SS.
    { from: { el: 1, registers: { MDSCR_EL1: SS } }, spsr: 0x20_0000, to: 0, expected: 1 },
    { from: { el: 1, registers: { MDSCR_EL1: SS } }, spsr: 0, to: 0, expected: 0 },
    { from: { el: 1, registers: { MDSCR_EL1: 0n } }, spsr: 0x20_0000, to: 0, expected: 0 },
    { from: { el: 1, registers: { MDSCR_EL1: SS | KDE } }, spsr: 0x20_0000, to: 0, expected: 0 },
    {
      from: { el: 1, masked: true, registers: { MDSCR_EL1: SS | KDE } },
      spsr: 0x20_0005,
      to: 1,
      expected: 1,
    },
    {
      from: { el: 1, masked: true, registers: { MDSCR_EL1: SS | KDE } },
      spsr: 0x20_0205,
      to: 1,
      expected: 0,
    },
    { from: { el: 2, registers: { MDSCR_EL1: SS, MDCR_EL2: TDE } }, spsr: 0x20_03c5, to: 1, expected: 1 },
    { from: { el: 2, registers: { MDSCR_EL1: SS } }, spsr: 0x20_03c5, to: 1, expected: 0 },
  ])('DebugExceptionReturnSS of %o', ({ from, spsr, to, expected }) => {
    expect(stepAfterReturn(cpu(from).machine.state, spsr, to)).toBe(expected);
  });

  it('after an instruction is EC 0x33 with ISV, and EX for a load-exclusive; a pending one has no ISV', () => {
    const registers = { MDSCR_EL1: SS | KDE };
    const stepped = cpu({ registers });
    stepped.debug.completeStep(0xd503_201f); // NOP
    expect(syndrome(stepped.machine, 1)).toBe(0xcf00_0022n);
    for (const word of [0xc85f_7c20, 0xc87f_0440, 0x887f_8440]) {
      const exclusive = cpu({ registers }); // LDXR, LDXP, LDAXP
      exclusive.debug.completeStep(word);
      expect(syndrome(exclusive.machine, 1)).toBe(0xcf00_0062n);
    }
    for (const word of [0xc8df_fc20, 0xc800_7c20, 0x4860_7c82]) {
      const other = cpu({ registers }); // LDAR, STXR, CASP
      other.debug.completeStep(word);
      expect(syndrome(other.machine, 1)).toBe(0xcf00_0022n);
    }
    const pending = cpu({ registers: { MDSCR_EL1: SS, MDCR_EL2: TDE } });
    expect(pending.debug.stepIsPending).toBe(true);
    pending.debug.takePendingStep();
    expect(syndrome(pending.machine, 2)).toBe(0xca00_0022n);
  });

  it('keeps SPSR.SS for an exception of the stepped instruction, and not for SVC, which completes', () => {
    const spsrAfter = (act: (machine: CpuMachine) => void) => {
      const { machine } = cpu({ el: 0, registers: { MDSCR_EL1: SS } });
      machine.state.setSmall('ss', 1);
      act(machine);
      expect(machine.state.small('ss')).toBe(0);
      return (machine.registers.get('SPSR_EL1') >> 21n) & 1n;
    };
    expect(spsrAfter((machine) => machine.runtime.undefinedInstruction())).toBe(1n);
    expect(spsrAfter((machine) => machine.runtime.supervisorCall(0n))).toBe(0n);
  });

  it('ends where the instruction masked debug exceptions: no step until they are unmasked', () => {
    const { machine, debug } = cpu({ registers: { MDSCR_EL1: SS | KDE } });
    machine.state.setSmall('ss', 1);
    machine.state.setSmall('daif', 15);
    debug.completeStep(0xd503_48df); // MSR DAIFSet, #8
    expect(machine.state.small('el')).toBe(1);
    expect(stepIsActive(machine.state)).toBe(false);
    machine.state.setSmall('daif', 7);
    expect(debug.stepIsPending).toBe(true);
  });
});

describe('breakpoints (D2.9)', () => {
  const hits = (registers: { readonly [name: string]: bigint }, setting: Setting = {}) => {
    const { debug } = cpu({
      ...setting,
      registers: { MDSCR_EL1: MDE | KDE, DBGBVR0_EL1: 0x4000_1000n, ...registers },
    });
    return debug.breakpointIsHit;
  };
  it('match the address of the instruction at pc, at the levels of PMC and HMC', () => {
    expect(hits({ DBGBCR0_EL1: BREAK })).toBe(true);
    expect(hits({ DBGBCR0_EL1: BREAK & ~1n })).toBe(false);
    expect(hits({ DBGBCR0_EL1: BREAK, MDSCR_EL1: KDE })).toBe(false);
    expect(hits({ DBGBCR0_EL1: BREAK, DBGBVR0_EL1: 0x4000_1004n })).toBe(false);
    // Bits above 48 are not compared.
    expect(hits({ DBGBCR0_EL1: BREAK, DBGBVR0_EL1: 0xfff0_0000_4000_1000n })).toBe(true);
    expect(hits({ DBGBCR0_EL1: 0x1e3n })).toBe(true); // PMC EL1
    expect(hits({ DBGBCR0_EL1: 0x1e5n })).toBe(false); // PMC EL0
    expect(hits({ DBGBCR0_EL1: 0x1e5n }, { el: 0 })).toBe(true);
    const atEl2 = { el: 2, registers: {} };
    expect(hits({ DBGBCR0_EL1: BREAK, MDCR_EL2: TDE }, atEl2)).toBe(false);
    expect(hits({ DBGBCR0_EL1: BREAK | 0x2000n, MDCR_EL2: TDE }, atEl2)).toBe(true);
  });

  it('that are linked need an enabled, context-aware, linked comparator whose context matches', () => {
    const linked = 0x10_0000n | BREAK;
    const to = (n: number) => linked | (BigInt(n) << 16n);
    const context = { CONTEXTIDR_EL1: 7n, DBGBVR4_EL1: 7n, DBGBVR5_EL1: 7n, DBGBVR3_EL1: 7n };
    const id = 0x30_01e7n;
    expect(hits({ ...context, DBGBCR0_EL1: to(5), DBGBCR5_EL1: id })).toBe(true);
    expect(hits({ ...context, DBGBCR0_EL1: to(4), DBGBCR4_EL1: id })).toBe(true);
    // Breakpoints 0 to 3 of 6 are not context-aware; a comparator must be enabled, and linked; the context must be the same.
    expect(hits({ ...context, DBGBCR0_EL1: to(3), DBGBCR3_EL1: id })).toBe(false);
    expect(hits({ ...context, DBGBCR0_EL1: to(5) })).toBe(false);
    expect(hits({ ...context, DBGBCR0_EL1: to(4), DBGBCR5_EL1: id })).toBe(false);
    expect(hits({ ...context, CONTEXTIDR_EL1: 8n, DBGBCR0_EL1: to(5), DBGBCR5_EL1: id })).toBe(false);
    // BT 0b1001: the VMID; 0b1011: both. BVR holds the VMID in [39:32].
    const vmid = { VTTBR_EL2: 0x0005_0000_0000_0000n, DBGBVR5_EL1: 0x5_0000_0007n, DBGBCR0_EL1: to(5) };
    expect(hits({ ...vmid, DBGBCR5_EL1: 0x90_01e7n })).toBe(true);
    expect(hits({ ...vmid, CONTEXTIDR_EL1: 7n, DBGBCR5_EL1: 0xb0_01e7n })).toBe(true);
    expect(hits({ ...vmid, CONTEXTIDR_EL1: 6n, DBGBCR5_EL1: 0xb0_01e7n })).toBe(false);
    expect(hits({ ...vmid, VTTBR_EL2: 0n, DBGBCR5_EL1: 0x90_01e7n })).toBe(false);
  });

  it('of an unlinked context hit every instruction of it', () => {
    const registers = { CONTEXTIDR_EL1: 7n, DBGBVR5_EL1: 7n, DBGBCR5_EL1: 0x20_01e7n };
    expect(hits(registers)).toBe(true);
    expect(hits({ ...registers, CONTEXTIDR_EL1: 6n })).toBe(false);
    expect(hits({ ...registers, DBGBCR5_EL1: 0x30_01e7n })).toBe(false);
  });

  it('of reserved types, and without the first byte in BAS, are disabled', () => {
    const how = { contextAware: true, vhe: false, el2: true, bits: BITS };
    for (const type of [4n, 5n, 6n, 7n, 12n, 15n])
      expect(breakpointOf(BREAK | (type << 20n), 0n, how)).toBeUndefined();
    expect(breakpointOf(0x187n, 0n, how)).toBeUndefined();
  });

  it('raise EC 0x31, or 0x30 from below, with FAR zero', () => {
    const same = cpu({ registers: { MDSCR_EL1: MDE | KDE } });
    same.debug.takeBreakpoint();
    expect(syndrome(same.machine, 1)).toBe(0xc600_0022n);
    const below = cpu({ registers: { MDSCR_EL1: MDE, MDCR_EL2: TDE } });
    below.debug.takeBreakpoint();
    expect(syndrome(below.machine, 2)).toBe(0xc200_0022n);
    expect(below.machine.registers.get('FAR_EL2')).toBe(0n);
    expect(below.machine.registers.get('ELR_EL2')).toBe(0x4000_1000n);
  });
});

describe('watchpoints (D2.10)', () => {
  it.each([
    // BAS from bit 5: the bytes of a doubleword, or of a word where only the address is a multiple of 4 only.
    { control: WATCH, value: 0x1000n, start: 0x1000n, length: 8n },
    { control: 0x187fn & ~0x1800n, value: 0x1000n, start: 0x1001n, length: 2n, bas: 0x06n },
    { control: WATCH, value: 0x1004n, start: 0x1004n, length: 4n },
    { control: 0x1fn, value: 0x1000n, start: 0x1000n, length: 1n, bas: 0x01n },
    { control: 0x1fn, value: 0x1000n, start: 0x1007n, length: 1n, bas: 0x80n },
    // Several runs of bits: the lowest.
    { control: 0x1fn, value: 0x1000n, start: 0x1000n, length: 1n, bas: 0x05n },
    { control: 0x1fn, value: 0x1000n, bas: 0x00n },
    { control: 0x1fn, value: 0x1004n, bas: 0xf0n },
    // MASK 12 and 31; 1 and 2 are reserved.
    { control: WATCH | (12n << 24n), value: 0x1234n, start: 0x1000n, length: 0x1000n },
    {
      control: WATCH | (31n << 24n),
      value: 0xffff_8000_8000_0000n,
      start: 0x1_8000_8000_0000n,
      length: 2n ** 31n,
    },
    { control: WATCH | (2n << 24n), value: 0x1000n },
    // LSC 0, disabled.
    { control: WATCH & ~0x18n, value: 0x1000n },
    { control: WATCH & ~1n, value: 0x1000n },
  ])('extent of %o', ({ control, value, bas, start, length }) => {
    const wcr = bas === undefined ? control : (control & ~0x1fe0n) | (bas << 5n);
    const watchpoint = watchpointOf(wcr, value, BITS);
    expect(watchpoint && { start: watchpoint.start, length: watchpoint.length }).toEqual(
      start === undefined ? undefined : { start, length },
    );
  });

  it('say the lowest watched byte of the access, and whether it was a store; time does not count it', () => {
    const registers = { MDSCR_EL1: MDE | KDE, DBGWCR0_EL1: WATCH, DBGWVR0_EL1: 0x1000n };
    const load = cpu({ registers });
    expect(load.debug.checkAccess(0xffcn, 8, false, 1)).toBe(true);
    expect(syndrome(load.machine, 1)).toBe(0xd600_0022n);
    expect(load.machine.registers.get('FAR_EL1')).toBe(0x1000n);
    expect(load.uncounted()).toBe(1);
    const store = cpu({ el: 0, registers });
    expect(store.debug.checkAccess(0x1003n, 1, true, 0)).toBe(true);
    expect(syndrome(store.machine, 1)).toBe(0xd200_0062n);
    expect(store.machine.registers.get('FAR_EL1')).toBe(0x1003n);
    const beside = cpu({ registers });
    expect(beside.debug.checkAccess(0x1008n, 8, true, 1)).toBe(false);
    expect(beside.debug.checkAccess(0xff8n, 8, true, 1)).toBe(false);
  });

  it('match by LSC, and by the level of the permissions: LDTR counts as EL0', () => {
    const only = (control: bigint) =>
      cpu({ registers: { MDSCR_EL1: MDE | KDE, DBGWCR1_EL1: control, DBGWVR1_EL1: 0x1000n } }).debug;
    const loads = (WATCH & ~0x18n) | 0x8n;
    expect(only(loads).checkAccess(0x1000n, 4, true, 1)).toBe(false);
    expect(only(loads).checkAccess(0x1000n, 4, false, 1)).toBe(true);
    const user = (WATCH & ~6n) | 4n;
    expect(only(user).checkAccess(0x1000n, 4, false, 1)).toBe(false);
    expect(only(user).checkAccess(0x1000n, 4, false, 0)).toBe(true);
  });

  it('keep the pages that they touch out of translated code, and no others', () => {
    const mask = WATCH | (13n << 24n);
    const { debug } = cpu({ registers: { MDSCR_EL1: MDE, DBGWCR0_EL1: mask, DBGWVR0_EL1: 0x4000n } });
    expect(debug.watching).toBe(true);
    expect([0x3000n, 0x4ff8n, 0x5000n, 0x6000n].map((va) => debug.watchesPage(va))).toEqual([
      false,
      true,
      true,
      false,
    ]);
  });
});

it('nothing is armed until MDSCR_EL1 and a comparator say so', () => {
  const armed = (registers: { readonly [name: string]: bigint }) => cpu({ registers }).debug.armed;
  expect(armed({})).toBe(false);
  expect(armed({ MDSCR_EL1: MDE })).toBe(false);
  expect(armed({ DBGBCR0_EL1: BREAK, DBGWCR0_EL1: WATCH })).toBe(false);
  expect(armed({ MDSCR_EL1: MDE, DBGBCR0_EL1: BREAK })).toBe(true);
  expect(armed({ MDSCR_EL1: MDE, DBGWCR0_EL1: WATCH })).toBe(true);
  expect(armed({ MDSCR_EL1: SS })).toBe(true);
});
