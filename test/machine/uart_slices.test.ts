/** What the main loop does about accesses to the UART. */
import { expect, test } from 'vitest';
import { Machine } from '../../src/machine/machine.ts';
import { DEFAULT_RECIPE } from '../../src/machine/recipe.ts';
import { RunLoop } from '../../src/machine/run_loop.ts';
import { MAP } from '../../src/machine/virt_map.ts';
import { Code } from '../conformance/random/assembler.ts';

const CODE = 0x4008_0000;
const HCR = (1n << 31n) | (1n << 4n);
const IMSC = 0x38;
const TX = 0x20;
const BYTES = 50;

function run(code: Code, engine: 'interpreter' | 'evaluator' | 'regions') {
  const bytes = new Uint8Array(code.finish().buffer);
  const machine = new Machine({
    recipe: { ...DEFAULT_RECIPE, gic: 2, ram: 2 ** 24, load: [`code@${CODE}`] },
    readFile: () => bytes,
    engine,
    regions: { threshold: 1, batch: 1, leastInstructions: 1 },
  });
  machine.state.set('pc', BigInt(CODE));
  let slices = 0;
  const enter = machine.enter.bind(machine);
  machine.enter = () => {
    slices++;
    return enter();
  };
  const loop = new RunLoop(machine);
  loop.settle();
  loop.runPacket(loop.beginPacket(), 400);
  return { machine, slices };
}

test.each(['interpreter', 'evaluator', 'regions'] as const)(
  'In the %s an interrupt that a printed byte raises is taken before the next instruction',
  (engine) => {
    const code = new Code(CODE);
    code.mov(0, CODE).msr('VBAR_EL2', 0).mov(0, HCR).msr('HCR_EL2', 0);
    // The distributor and SPI 33, the CPU interface, the UART's transmit interrupt.
    const distributor: [offset: number, value: number | bigint][] = [
      [0x820, 0x0101_0101],
      [0x100, 1n << 33n],
      [0, 1],
    ];
    code.mov(1, MAP.gicd.base);
    for (const [offset, value] of distributor) code.mov(2, value).str(2, 1, offset);
    code.mov(1, MAP.gicc.base).mov(2, 0xff_0000_0001n).str(2, 1);
    code.mov(1, MAP.pl011.base).mov(2, TX).str(2, 1, IMSC).mov(0, 0).msr('DAIF', 0);
    code.mov(5, 0).mov(2, 0x41).label('print').emit('STRB_imm', { rn: 1, rt: 2 });
    code.mov(5, 1).label('spin').b('spin');
    code
      .padTo(CODE + 0x280)
      .label('interrupt')
      .b('interrupt');
    const { machine } = run(code, engine);
    expect(machine.state.x(5)).toBe(0n);
    expect(machine.registers.get('ELR_EL2')).toBe(BigInt(code.addressOf('print') + 4));
  },
);

test('Bytes that are printed, and the flags read before each, do not send the interpreter back to the main loop', () => {
  const code = new Code(CODE);
  code.mov(1, MAP.pl011.base).mov(2, 0x41).mov(5, BYTES).label('print');
  code.emit('LDRB_imm', { rn: 1, rt: 3, imm12: 0x18 }).emit('STRB_imm', { rn: 1, rt: 2 });
  code.emit('SUB_imm', { sf: 1, imm12: 1, rn: 5, rd: 5 }).cbz(5, 'spin').b('print').label('spin').b('spin');
  const { machine, slices } = run(code, 'interpreter');
  expect(machine.state.x(5)).toBe(0n);
  expect(slices).toBeLessThan(5);
});
