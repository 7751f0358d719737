/** The forms that bitfield moves are split into, against the one definition that the Arm ARM gives all of them. */
import { expect, test } from 'vitest';
import { LittleMachine } from '../translate/evaluator_machine.ts';

const SOURCE = 0x8123_4567_89ab_cdefn;
const OLD = 0x0fed_cba9_7654_3210n;

const ones = (count: number) => (1n << BigInt(count)) - 1n;

/** C6.2: SBFM, BFM and UBFM with the masks of DecodeBitMasks() (immediate FALSE, so the element is the register). */
function definition(name: string, width: 32 | 64, r: number, s: number): bigint {
  const all = ones(width);
  const rotate = (n: bigint) => ((n >> BigInt(r)) | (n << BigInt(width - r))) & all;
  const [source, old] = [SOURCE & all, OLD & all];
  const wmask = rotate(ones(s + 1));
  const tmask = ones(((s - r + width) % width) + 1);
  const rotated = rotate(source) & wmask;
  if (name === 'UBFM') return rotated & tmask;
  if (name === 'BFM') return (old & ~tmask & all) | (((old & ~wmask & all) | rotated) & tmask);
  const top = (source >> BigInt(s)) & 1n ? all : 0n;
  return (top & ~tmask & all) | (rotated & tmask);
}

test.each(['SBFM', 'BFM', 'UBFM'])('%s is its definition for every immr and imms in both widths', (name) => {
  const machine = new LittleMachine();
  for (const width of [32, 64] as const) {
    const sf = width === 64 ? 1 : 0;
    for (let immr = 0; immr < width; immr++) {
      for (let imms = 0; imms < width; imms++) {
        machine.setRegisters({ 0: OLD, 1: SOURCE });
        machine.run(name, { sf, n: sf, immr, imms, rn: 1, rd: 0 });
        const result = machine.state.x(0);
        if (result !== definition(name, width, immr, imms))
          expect.fail(`${name} #${immr}, #${imms} in ${width} bits gives ${result.toString(16)}`);
      }
    }
  }
});
