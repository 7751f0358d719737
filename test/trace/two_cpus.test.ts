import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { DEFAULT_RECIPE } from '../../src/machine/recipe.ts';
import { record } from '../../src/trace/flight_recorder.ts';
import { FlowDecoder } from '../../src/trace/flow.ts';
import { openRecording } from '../../src/trace/recording.ts';
import { verifyRecording } from '../../src/trace/verify.ts';
import { Code } from '../conformance/random/assembler.ts';

const CODE = 0x4008_0000;
const VECTORS = CODE + 0x1000;
const GICD = 0x0800_0000;
const GICC = 0x0801_0000;
const CPU_ON = 0xc400_0003;
const CPU_OFF = 0x8400_0002;
const SYSTEM_OFF = 0x8400_0008;
/** GICD_SGIR: interrupt 0 of CPU 0. */
const TO_THE_FIRST = 1 << 16;
const NOT_EQUAL = 1;
/** Instructions of the long loop. */
const LONG = 500;

let scratch: string;
beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), 'hindsight-cpus-'));
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/**
 * The first CPU switches the second one on, which interrupts it and switches itself off; twice. Meanwhile the first one waits, in WFI or in
 * a loop; the second goes so many times around a loop first.
 */
function guest(waitsInWfi: boolean, times: number): Uint8Array {
  const code = new Code(CODE);
  const store = (at: number, value: number) =>
    code.mov(1, at).mov(2, value).emit('STR_32_imm', { rt: 2, rn: 1, imm12: 0 });
  const loop = (label: string, times: number, length = 2) => {
    code.mov(5, times).label(label);
    for (let n = 2; n < length; n++) code.addImmediate(6, 6, 1);
    code.emit('SUBS_imm', { sf: 1, rn: 5, rd: 5, imm12: 1 }).bCond(NOT_EQUAL, label);
  };
  code.mov(0, VECTORS).msr('VBAR_EL1', 0).isb();
  store(GICD, 1);
  store(GICC + 4, 0xff);
  store(GICC, 1);
  code.emit('MSR_imm', { op1: 3, op2: 7, crm: 15 });
  for (const turn of ['first', 'second']) {
    code.mov(20, 0).mov(0, CPU_ON).mov(1, 1).adr(2, 'other').mov(3, 0).emit('HVC');
    code.label(turn);
    if (waitsInWfi) code.emit('WFI');
    code.cbz(20, turn);
    loop(`${turn} off`, 10_000);
  }
  code.mov(0, SYSTEM_OFF).emit('HVC').label('other');
  loop('before', times, LONG);
  store(GICD + 0xf00, TO_THE_FIRST);
  loop('behind', 100);
  code.mov(0, CPU_OFF).emit('HVC');
  code
    .padTo(VECTORS + 0x280)
    .addImmediate(20, 20, 1)
    .mov(22, GICC);
  code.emit('LDR_32_imm', { rt: 23, rn: 22, imm12: 3 }).emit('STR_32_imm', { rt: 23, rn: 22, imm12: 4 });
  code.emit('ERET');
  return new Uint8Array(code.finish().buffer);
}

/** Instructions of an epoch. */
const EPOCH = 2 ** 28;

test.each([
  { waits: 'in a loop', times: 100, waitsInWfi: false, epochs: 1 },
  {
    waits: 'in WFI for more than an epoch',
    times: Math.ceil((2.5 * EPOCH) / LONG),
    waitsInWfi: true,
    epochs: 6,
  },
])(
  'an interrupt that a CPU finds when its turn comes, which waited $waits, and a CPU that is switched on again, are no damage: every instruction is found',
  async ({ times, waitsInWfi, epochs }) => {
    const directory = join(scratch, `${times}.hs`);
    const bytes = guest(waitsInWfi, times);
    const { icount, reason } = await record({
      recipe: { ...DEFAULT_RECIPE, el: 1, smp: 2, ram: 2 ** 24, load: [`code@${CODE}`] },
      readFile: () => bytes,
      directory,
      detail: 'flow',
    });
    expect(reason).toBe('power off');
    expect(verifyRecording(directory).findings).toEqual([]);
    const recording = openRecording(directory);
    try {
      expect(recording.epochs).toHaveLength(epochs);
      const decoder = new FlowDecoder(recording);
      let found = 0;
      for (const packet of decoder.packets()) {
        const runs = decoder.decode(packet);
        for (let run = 0; run < runs.count; run++) found += runs.lengths[run];
      }
      expect(found).toBe(icount);
    } finally {
      recording.close();
    }
  },
);
