/** FEAT_FlagM and FEAT_FlagM2, against their pseudocode in C6.2. */
import { expect, test } from 'vitest';
import { LittleMachine } from '../translate/evaluator_machine.ts';

const flags = Array.from({ length: 16 }, (_, nzcv) => nzcv);
const bits = (nzcv: number) => [nzcv >> 3, (nzcv >> 2) & 1, (nzcv >> 1) & 1, nzcv & 1];
const pack = (n: number, z: number, c: number, v: number) => (n << 3) | (z << 2) | (c << 1) | v;

function after(
  name: string,
  nzcv: number,
  fields: { readonly [name: string]: number } = {},
  x1 = 0n,
): number {
  const machine = new LittleMachine().setRegisters({ 1: x1 });
  machine.state.nzcv = (nzcv << 28) >>> 0;
  machine.run(name, { rn: 1, ...fields });
  return machine.state.nzcv >>> 28;
}

test('CFINV, AXFLAG and XAFLAG are their definitions for all flags', () => {
  for (const nzcv of flags) {
    const [, z, c, v] = bits(nzcv);
    expect(after('CFINV', nzcv)).toBe(nzcv ^ 2);
    expect(after('AXFLAG', nzcv)).toBe(pack(0, z | v, c & (v ^ 1), 0));
    expect(after('XAFLAG', nzcv)).toBe(pack((c ^ 1) & (z ^ 1), z & c, c | z, (c ^ 1) & z));
  }
});

test('RMIF rotates and replaces the flags of its mask alone', () => {
  for (const mask of flags) expect(after('RMIF', 0b1010, { imm6: 60, mask }, 0n)).toBe(0b1010 & ~mask);
  expect(after('RMIF', 0, { imm6: 63, mask: 15 }, 0b101n)).toBe(0b1010);
  expect(after('RMIF', 15, { imm6: 4, mask: 0b0110 }, 0x90n)).toBe(0b1001);
});

test('SETF8 and SETF16 find sign, zero and overflow of a narrow result, and keep C', () => {
  expect(after('SETF8', 0b0010, {}, 0x1fe00n)).toBe(0b0110);
  expect(after('SETF8', 0, {}, 0x80n)).toBe(0b1001);
  expect(after('SETF8', 0, {}, 0x180n)).toBe(0b1000);
  expect(after('SETF8', 0, {}, 0x17fn)).toBe(0b0001);
  expect(after('SETF16', 0b0010, {}, 0x1_8000n)).toBe(0b1010);
  expect(after('SETF16', 0, {}, 0x8000n)).toBe(0b1001);
});
