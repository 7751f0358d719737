/** The Large System Extensions' atomics in the evaluator; QEMU is the oracle of the random runs, here are the corners by hand. */
import { describe, expect, test } from 'vitest';
import { ROWS } from '../../src/isa/table.ts';
import { LittleMachine, VECTOR } from '../translate/evaluator_machine.ts';

const PLACE = 0x8000n;

function machineWith(memory: bigint, registers: { readonly [register: string]: bigint }): LittleMachine {
  const machine = new LittleMachine().setRegisters({ 1: PLACE, ...registers });
  for (let i = 0n; i < 16n; i++) machine.bytes.set(PLACE + i, Number((memory >> (8n * i)) & 255n));
  return machine;
}
const memoryOf = ({ bytes }: LittleMachine, length: number) =>
  Array.from({ length }, (_, i) => BigInt(bytes.get(PLACE + BigInt(i)) ?? 0) << BigInt(8 * i)).reduce(
    (a, b) => a | b,
  );

describe('LD<op> and SWP write what the operation makes of memory and Rs, and give Rt the old value, zero-extended', () => {
  const filler = 0x1111_2222_3333_4400n;
  test.each([
    // name, byte or word in memory, Rs, what memory becomes
    ['LDADDB', 0xffn, 0x1_02n, 0x01n],
    ['LDCLRB', 0xffn, 0x0fn, 0xf0n],
    ['LDEORB', 0xf0n, 0xffn, 0x0fn],
    ['LDSETB', 0xf0n, 0x3cn, 0xfcn],
    ['LDSMAXB', 0x80n, 0x17fn, 0x7fn],
    ['LDSMAXB', 0x01n, 0xffn, 0x01n],
    ['LDSMINB', 0x01n, 0xffn, 0xffn],
    ['LDUMAXB', 0x80n, 0x17fn, 0x80n],
    ['LDUMINB', 0x80n, 0xf00n, 0x00n],
    ['SWPB', 0x80n, 0xabcdn, 0xcdn],
  ])('%s of 0x%x with 0x%x', (name, old, rs, becomes) => {
    for (const ordering of ['', 'A', 'AL', 'L']) {
      const machine = machineWith(filler | old, { 2: rs, 3: ~0n });
      expect(machine.run(name.replace(/B$/, `${ordering}B`), { rs: 2, rn: 1, rt: 3 })).toBe(true);
      expect(memoryOf(machine, 8)).toBe(filler | becomes);
      expect(machine.state.x(3)).toBe(old);
    }
  });

  test('with Rs = Rt the old register is the operand', () => {
    const machine = machineWith(5n, { 2: 7n });
    machine.run('LDADD_64', { rs: 2, rn: 1, rt: 2 });
    expect([memoryOf(machine, 8), machine.state.x(2)]).toEqual([12n, 5n]);
  });
});

describe('CAS', () => {
  test('stores Rt where memory holds Rs, whose bits above the size do not count', () => {
    const machine = machineWith(0xaaaa_bbbbn, { 2: 0x7777_bbbbn, 3: 0x1234_5678n });
    machine.run('CASH', { rs: 2, rn: 1, rt: 3 });
    expect([memoryOf(machine, 8), machine.state.x(2)]).toEqual([0xaaaa_5678n, 0xbbbbn]);
  });

  test('writes back what it read where the comparison fails: a load and a store either way', () => {
    const machine = machineWith(0xaaaan, { 2: 1n, 3: 2n });
    machine.run('CASAL_64', { rs: 2, rn: 1, rt: 3 });
    expect([memoryOf(machine, 8), machine.state.x(2)]).toEqual([0xaaaan, 0xaaaan]);
    expect(machine.log.filter((line) => line.startsWith('value'))).toEqual(['value aaaa', 'value aaaa']);
  });

  test('of a pair compares both and exchanges both; X31 of a pair is the zero register', () => {
    const machine = machineWith((9n << 64n) | 8n, { 30: 8n, 4: 1n, 5: 2n, 2: 8n, 3: 9n });
    machine.run('CASP_64', { rs: 2, rn: 1, rt: 4 });
    expect(memoryOf(machine, 16)).toBe((2n << 64n) | 1n);
    machine.run('CASP_64', { rs: 30, rn: 1, rt: 4 });
    expect([machine.state.x(30), machine.state.x(31), memoryOf(machine, 16)]).toEqual([
      1n,
      0n,
      (2n << 64n) | 1n,
    ]);
  });

  test('of a pair of words is one access of a doubleword', () => {
    const machine = machineWith(0x2222_2222_1111_1111n, { 2: 0x1111_1111n, 3: 0xf_2222_2222n, 4: 3n, 5: 4n });
    machine.run('CASP_32', { rs: 2, rn: 1, rt: 4 });
    expect(memoryOf(machine, 8)).toBe(0x4_0000_0003n);
    expect([machine.state.x(2), machine.state.x(3)]).toEqual([0x1111_1111n, 0x2222_2222n]);
  });
});

test('an atomic that faults leaves registers and memory as they were', () => {
  for (const { name } of ROWS.filter(({ feature }) => feature === 'LSE')) {
    const machine = machineWith(0n, { 2: 1n, 3: 2n, 4: 3n, 5: 4n });
    machine.faulting = PLACE;
    expect(machine.run(name, { rs: 2, rn: 1, rt: 4 }), name).toBe(false);
    expect([machine.state.get('pc'), machine.state.x(2), machine.state.x(4), memoryOf(machine, 16)]).toEqual([
      VECTOR,
      1n,
      3n,
      0n,
    ]);
  }
});
