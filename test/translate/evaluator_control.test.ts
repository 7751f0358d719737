/** Branches, exceptions, system instructions, loads and stores in the reference evaluator. */
import { describe, expect, test } from 'vitest';
import { LittleMachine, SYSTEM_REGISTER_VALUE, VECTOR } from './evaluator_machine.ts';

const ALL_ONES = 2n ** 64n - 1n;

describe('branches', () => {
  test('B goes back by a negative offset, and is no atom', () => {
    const machine = new LittleMachine();
    machine.run('B', { imm26: 2 ** 26 - 1 });
    expect([machine.state.get('pc'), machine.log]).toEqual([0xffcn, []]);
  });

  test('a conditional branch is one atom, taken or not', () => {
    const machine = new LittleMachine().setRegisters({ 1: 1n << 40n });
    machine.run('CBZ', { sf: 1, rt: 1, imm19: 4 });
    machine.run('CBZ', { sf: 0, rt: 1, imm19: 4 });
    machine.run('TBNZ', { b5: 1, b40: 8, rt: 1, imm14: 2 });
    machine.run('TBZ', { b5: 1, b40: 8, rt: 1, imm14: 2 });
    machine.run('CBNZ', { sf: 1, rt: 1, imm19: 2 });
    machine.run('B_cond', { cond: 0, imm19: 8 });
    expect(machine.log).toEqual(['false', 'true', 'true', 'false', 'true', 'false'].map((t) => `atom ${t}`));
    expect(machine.state.get('pc')).toBe(0x1000n + 4n + 16n + 8n + 4n + 8n + 4n);
  });

  test('BLR X30 goes to the old X30 and leaves the return address there', () => {
    const machine = new LittleMachine().setRegisters({ 30: 0x5000n });
    machine.run('BLR', { rn: 30 });
    expect([machine.state.get('pc'), machine.state.x(30)]).toEqual([0x5000n, 0x1004n]);
    expect(machine.log).toEqual(['r30 = 1004', 'target 5000']);
  });
});

describe('the machine is called', () => {
  test.each([
    ['SVC', { imm16: 0x1234 }, 'supervisorCall 1234'],
    ['HVC', { imm16: 1 }, 'hypervisorCall 1'],
    ['SMC', { imm16: 2 }, 'secureMonitorCall 2'],
    ['BRK', { imm16: 3 }, 'breakpoint 3'],
    ['UDF', { imm16: 3 }, 'undefinedInstruction'],
    ['ERET', {}, 'exceptionReturn'],
  ])('by %s, which ends the instruction where the runtime put the pc', (name, fields, call) => {
    const machine = new LittleMachine();
    expect(machine.run(name, fields)).toBe(false);
    expect([machine.log, machine.state.get('pc')]).toEqual([[call], VECTOR]);
  });

  test('by unallocated words and rows that are not implemented, as UNDEFINED', () => {
    const machine = new LittleMachine();
    expect(machine.evaluator.execute(0xffff_ffff)).toBe(false);
    expect(machine.run('IRG')).toBe(false);
    expect(machine.log).toEqual(['undefinedInstruction', 'undefinedInstruction']);
  });

  test('by MRS and MSR with op0:op1:CRn:CRm:op2', () => {
    const machine = new LittleMachine();
    // SCTLR_EL1 is 3, 0, 1, 0, 0; MDSCR_EL1 is 2, 0, 0, 2, 2.
    machine.run('MRS', { o0: 1, op1: 0, crn: 1, crm: 0, op2: 0, rt: 3 });
    machine.run('MSR_reg', { o0: 0, op1: 0, crn: 0, crm: 2, op2: 2, rt: 3 });
    expect(machine.log).toEqual([
      'readSystemRegister c080',
      `r3 = ${SYSTEM_REGISTER_VALUE.toString(16)}`,
      `writeSystemRegister 8012 ${SYSTEM_REGISTER_VALUE.toString(16)}`,
    ]);
  });

  test('by MSR DAIFSet with op1:op2 and the mask, and by TLBI with op0 = 1', () => {
    const machine = new LittleMachine();
    machine.run('MSR_imm', { op1: 3, crm: 2, op2: 6 });
    machine.run('SYS', { op1: 4, crn: 8, crm: 7, op2: 0, rt: 31 });
    expect(machine.log).toEqual(['writePstateField 1e 2', 'systemOperation 6438 0']);
  });

  test('by hints that wait or signal, and not by the others', () => {
    const machine = new LittleMachine();
    for (let op2 = 0; op2 < 7; op2++) machine.run('HINT', { crm: 0, op2 });
    machine.run('HINT', { crm: 2, op2: 0 });
    machine.run('HINT', { crm: 2, op2: 4 });
    expect(machine.log).toEqual([
      'yieldHint',
      'waitForEvent',
      'waitForInterrupt',
      'sendEvent',
      'sendEventLocal',
      'errorSynchronizationBarrier',
    ]);
    expect(machine.state.get('pc')).toBe(0x1000n + 4n * 9n);
  });
});

describe('loads and stores', () => {
  const store64 = (machine: LittleMachine, address: bigint, value: bigint) =>
    machine.store({ bytes: 8 }, address, value);

  test('extend what they load to the register', () => {
    const machine = new LittleMachine().setRegisters({ 1: 0x100n });
    store64(machine, 0x100n, 0xfedc_ba98_8000_8080n);
    machine.run('LDRB_imm', { rn: 1, rt: 2 });
    machine.run('LDRSB_32_imm', { rn: 1, rt: 3 });
    machine.run('LDRSH_64_imm', { rn: 1, rt: 4 });
    machine.run('LDRSW_imm', { rn: 1, rt: 5 });
    machine.run('LDR_32_imm', { rn: 1, rt: 6, imm12: 1 });
    expect([2, 3, 4, 5, 6].map((n) => machine.state.x(n))).toEqual([
      0x80n,
      0xffff_ff80n,
      0xffff_ffff_ffff_8080n,
      0xffff_ffff_8000_8080n,
      0xfedc_ba98n,
    ]);
  });

  test('a register offset is extended, then scaled by the access size', () => {
    const machine = new LittleMachine().setRegisters({ 1: 0x100n, 2: 0xffff_fffen });
    store64(machine, 0xf0n, 7n);
    machine.run('LDR_64_reg', { rn: 1, rm: 2, option: 6, s: 1, rt: 3 });
    store64(machine, 0x1_0000_00fen, 9n);
    machine.run('LDR_64_reg', { rn: 1, rm: 2, option: 2, s: 0, rt: 4 });
    expect([machine.state.x(3), machine.state.x(4)]).toEqual([7n, 9n]);
  });

  test('writeback happens after the access, and not if it faults', () => {
    const machine = new LittleMachine().setRegisters({ 1: 0x100n, 2: 5n });
    machine.run('STR_64_imm_pre', { rn: 1, rt: 2, imm9: 0x1f8 });
    machine.run('LDR_64_imm_post', { rn: 1, rt: 3, imm9: 8 });
    expect([machine.state.x(1), machine.state.x(3)]).toEqual([0x100n, 5n]);
    machine.faulting = 0x100n;
    expect(machine.run('LDR_64_imm_post', { rn: 1, rt: 3, imm9: 8 })).toBe(false);
    expect([machine.state.x(1), machine.state.x(3), machine.state.get('pc')]).toEqual([0x100n, 5n, VECTOR]);
  });

  test('a pair whose second half faults loads neither register', () => {
    const machine = new LittleMachine().setRegisters({ 1: 0x100n, 2: 1n, 3: 2n });
    machine.faulting = 0x108n;
    expect(machine.run('LDP_64_post', { rn: 1, rt: 2, rt2: 3, imm7: 2 })).toBe(false);
    expect([1, 2, 3].map((n) => machine.state.x(n))).toEqual([0x100n, 1n, 2n]);
  });

  test('LDPSW sign-extends both, with the offset in units of 4', () => {
    const machine = new LittleMachine().setRegisters({ 1: 0x100n });
    store64(machine, 0xfcn, 0x7fff_ffff_8000_0000n);
    machine.run('LDPSW', { rn: 1, rt: 2, rt2: 3, imm7: 127 });
    expect([machine.state.x(2), machine.state.x(3)]).toEqual([0xffff_ffff_8000_0000n, 0x7fff_ffffn]);
  });
});

describe('the exclusive monitor', () => {
  const load = { rn: 1, rt: 2, rs: 31, rt2: 31 };
  const store = { rn: 1, rt: 3, rs: 4, rt2: 31 };
  const monitored = () => {
    const machine = new LittleMachine().setRegisters({ 1: 0x100n, 3: 0x55n, 4: 9n });
    machine.run('LDXR_64', load);
    return machine;
  };
  const outcome = (machine: LittleMachine) => [machine.state.x(4), machine.load({ bytes: 8 }, 0x100n)];

  test('lets one store through', () => {
    const machine = monitored();
    machine.run('STXR_64', store);
    expect(outcome(machine)).toEqual([0n, 0x55n]);
    expect(machine.state.get('exclusiveAddress')).toBe(ALL_ONES);
    machine.setRegisters({ 3: 0x66n }).run('STXR_64', store);
    expect(outcome(machine)).toEqual([1n, 0x55n]);
  });

  test('refuses after CLREX, at another address, and where memory has changed', () => {
    const cleared = monitored();
    cleared.run('CLREX', { crm: 15 });
    const moved = monitored().setRegisters({ 1: 0x108n });
    const changed = monitored();
    changed.store({ bytes: 1 }, 0x107n, 1n);
    for (const machine of [cleared, moved, changed]) {
      machine.run('STXR_64', store);
      expect(machine.state.x(4)).toBe(1n);
      expect(machine.bytes.get(0x100n) ?? 0).toBe(0);
    }
  });

  test('a store that faults writes no status and keeps the monitor', () => {
    const machine = monitored();
    machine.faulting = 0x100n;
    expect(machine.run('STXR_64', store)).toBe(false);
    expect([machine.state.x(4), machine.state.get('exclusiveAddress')]).toEqual([9n, 0x100n]);
  });

  test('pairs of words are one doubleword; pairs of doublewords compare both', () => {
    const machine = new LittleMachine().setRegisters({ 1: 0x100n, 3: 0x1_0000_0055n, 5: 0x66n });
    machine.run('LDXP_32', { ...load, rt2: 6 });
    machine.run('STXP_32', { ...store, rt2: 5 });
    expect(outcome(machine)).toEqual([0n, 0x66_0000_0055n]);
    machine.run('LDXP_64', { ...load, rt2: 6 });
    machine.store({ bytes: 1 }, 0x108n, 1n);
    machine.run('STXP_64', { ...store, rt2: 5 });
    expect(outcome(machine)).toEqual([1n, 0x66_0000_0055n]);
  });

  test("the monitor's comparison leaves no value in the trace", () => {
    const machine = monitored();
    machine.run('STXR_64', store);
    expect(machine.log).toEqual(['value 0', 'r2 = 0', 'value 55', 'r4 = 0', 'atom true']);
  });
});
