import { expect, test } from 'vitest';
import { CELL, CpuState, STATE_BASE, STATE_SIZE } from '../../src/cpu/state.ts';
import { Continuation, type ContinuationContext } from '../../src/machine/continuation.ts';

const BUDGET = CELL.budget >>> 2;

function continuation(changes: { debugArmed?: boolean; staysInPacket?: boolean; interrupt?: 'irq' } = {}) {
  const state = new CpuState(new ArrayBuffer(STATE_BASE + STATE_SIZE));
  state.u32[BUDGET] = 100;
  const made: string[] = [];
  const context = {
    state,
    exceptions: { pendingInterrupt: () => changes.interrupt },
    debug: { armed: changes.debugArmed ?? false },
    banks: { choose: () => made.push('banks') },
    shortcuts: { settle: () => made.push('shortcuts') },
    staysInPacket: () => changes.staysInPacket ?? true,
  } as unknown as ContinuationContext;
  return { state, made, continuation: new Continuation(context) };
}

test('behind an exception that leaves nothing to settle, the slice goes on in the context of the new level', () => {
  const { made, continuation: next } = continuation();
  expect(next.goesOn()).toBe(true);
  expect(made).toEqual(['banks', 'shortcuts']);
});

test('a guarded page that executed before the exception does not guard what is behind it', () => {
  const { state, continuation: next } = continuation();
  state.inGuardedPage = true;
  next.goesOn();
  expect(state.inGuardedPage).toBe(false);
});

test('a pending interrupt is for the run loop', () => {
  expect(continuation({ interrupt: 'irq' }).continuation.goesOn()).toBe(false);
});
test('the end of a packet and debug exceptions are for the run loop', () => {
  expect(continuation({ staysInPacket: false }).continuation.goesOn()).toBe(false);
  expect(continuation({ debugArmed: true }).continuation.goesOn()).toBe(false);
});
test.each([
  ['pc', 2, 'an address that is no multiple of 4'],
  ['il', 1, 'PSTATE.IL'],
  ['btype', 1, 'PSTATE.BTYPE'],
  ['budget', 1, 'the last instruction of a slice'],
] as const)('%s = %i is for the run loop: %s', (cell, value, _why) => {
  const { state, continuation: next } = continuation();
  state.u32[CELL[cell] >>> 2] = value;
  expect(next.goesOn()).toBe(false);
});
