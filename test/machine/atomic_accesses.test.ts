/** What an atomic leaves in the recording: a load and a store, or nothing at all where it faults. */

import { expect, test } from 'vitest';
import { Machine } from '../../src/machine/machine.ts';
import { DEFAULT_RECIPE } from '../../src/machine/recipe.ts';
import { RunLoop } from '../../src/machine/run_loop.ts';
import { Code } from '../conformance/random/assembler.ts';
import { contents } from './filled.ts';

const CODE = 0x4008_0000;
const TABLE = 0x4009_0000;
const LEVEL2 = 0x4009_1000;
const VECTORS = 0x4008_0800;
const WRITABLE = 0x4010_0000;
const READ_ONLY = 0x4020_0000;
const ABSENT = 0x4040_0000;
const NORMAL = (3n << 8n) | (1n << 10n) | 1n;
const DATA_ABORT = 0x9600_0000;

test.each(['interpreter', 'evaluator', 'regions'] as const)('in the %s', (engine) => {
  const code = new Code(CODE);
  code.mov(0, 0xff).msr('MAIR_EL2', 0).mov(0, 0x8082_3519).msr('TCR_EL2', 0);
  code.mov(0, TABLE).msr('TTBR0_EL2', 0).mov(0, VECTORS).msr('VBAR_EL2', 0);
  code.mov(0, 0x30c5_0831).msr('SCTLR_EL2', 0).isb();
  code.mov(1, WRITABLE).mov(2, READ_ONLY).mov(3, ABSENT).mov(4, 5).mov(5, 0x1234).mov(10, 0);
  // The second time the inline TLB has the page.
  for (let i = 0; i < 2; i++) code.emit('LDADD_64', { rs: 4, rn: 1, rt: 6 });
  code.emit('CAS_32', { rs: 5, rn: 1, rt: 4 });
  code.emit('LDRB_imm', { rn: 2, rt: 7 });
  for (const rn of [2, 3]) code.emit('SWP_64', { rs: 4, rn, rt: 5 });
  code.emit('LDADD_32', { rs: 4, rn: 1, rt: 31 }).label('spin').b('spin');
  // Each abort's syndrome into X11 on, and on behind the instruction.
  code.padTo(VECTORS + 0x200);
  code.mrs(12, 'ESR_EL2').emit('CBNZ', { sf: 1, rt: 10, imm19: 2 }).movRegister(11, 12);
  code.addImmediate(10, 10, 1).mrs(13, 'ELR_EL2').addImmediate(13, 13, 4).msr('ELR_EL2', 13).emit('ERET');
  const tables = new BigUint64Array(1024);
  tables[1] = BigInt(LEVEL2) | 3n;
  tables[512] = 0x4000_0000n | NORMAL;
  tables[513] = 0x4020_0000n | NORMAL | (1n << 7n);
  const pieces = new Map([
    [String(CODE), new Uint8Array(code.finish().buffer)],
    [String(TABLE), new Uint8Array(tables.buffer)],
  ]);
  const machine = new Machine({
    recipe: {
      ...DEFAULT_RECIPE,
      ram: 2 ** 24,
      cpu: 'max',
      load: [...pieces.keys()].map((at) => `${at}@${at}`),
    },
    readFile: (path) => pieces.get(path)!,
    engine,
    regions: { threshold: 1, batch: 1, leastInstructions: 1 },
    detail: 'full',
  });
  machine.state.set('pc', BigInt(CODE));
  const loop = new RunLoop(machine);
  loop.settle();
  loop.runPacket(loop.beginPacket(), 200);
  const { state, buffers } = machine;
  // WnR: a store is not allowed, level 2; there is nothing to read, level 2.
  expect([state.x(10), Number(state.x(11)), Number(state.x(12))]).toEqual([
    2n,
    DATA_ABORT + 0x4e,
    DATA_ABORT + 0x06,
  ]);
  const place = BigInt(WRITABLE);
  const addresses = [...contents(buffers.addresses)].map((address) => BigInt.asUintN(48, address));
  expect(addresses).toEqual([place, place, place, place, place, place, BigInt(READ_ONLY), place, place]);
  // 0 + 5, 5 + 5; the comparison with 0x1234 fails and writes 10 back; a byte; 10 + 5.
  expect([...contents(buffers.values)]).toEqual([0n, 5n, 5n, 10n, 10n, 10n, 0n, 10n, 15n]);
  expect([state.x(5), state.x(6)]).toEqual([10n, 5n]);
});
