/** A recording with rows in every table and values of every kind in every column, derived from the schema. */

import { columnsOf } from '../../src/trace/columns.ts';
import { Recorder } from '../../src/trace/recorder.ts';
import { EVENT_TABLES } from '../../src/trace/rows/layout.ts';
import type { ColumnType, RowOf } from '../../src/trace/schema.ts';
import { holding, packetMemory } from '../machine/filled.ts';
import { randomNumbers } from './synthetic.ts';

const ROWS = 300;

export async function recordEveryTable(directory: string): Promise<void> {
  const random = randomNumbers(99);
  const stamp = { icount: 0, timeNs: 0, cpu: 0 };
  const recorder = new Recorder(directory, stamp, { recipe: {} });
  recorder.takePacketsFrom(packetMemory);
  const u64 = () => (BigInt(random(2 ** 32)) << 32n) | BigInt(random(2 ** 32));
  const values: { readonly [T in ColumnType]: () => unknown } = {
    u8: () => random(2 ** 8),
    i8: () => random(2 ** 8) - 128,
    u16: () => random(2 ** 16),
    u32: () => random(2 ** 32),
    u64,
    i64: () => BigInt.asIntN(64, u64()),
    bool: () => random(2) === 1,
    text: () => ['', 'short', 'a text that is longer than twelve bytes', 'ümläut'][random(4)],
    bytes: () => Uint8Array.from({ length: random(40) }, () => random(256)),
    u64list: () => Array.from({ length: random(5) }, u64),
  };
  /** Integers that numbers hold: of at most 53 bits, negative ones too. */
  const number = () => (random(2 ** 21) - 2 ** 20) * 2 ** 32 + random(2 ** 32);
  const numbers: { readonly [type: string]: () => unknown } = {
    u64: number,
    u64list: () => Array.from({ length: random(5) }, number),
  };
  for (let i = 0; i < ROWS; i++) {
    stamp.cpu = random(4);
    const seq = recorder.beginPacket();
    const list = (length: number) => holding(BigUint64Array.from({ length }, u64));
    recorder.addPacket({
      seq,
      icount: stamp.icount,
      timeNs: stamp.timeNs,
      cpu: stamp.cpu,
      pc: BigUint64Array.of(u64()),
      el: random(3),
      regime: (['EL10', 'EL2', 'EL20'] as const)[random(3)],
      vmid: random(2 ** 16),
      asid: random(2 ** 16),
      instructions: 1,
      atoms: holding(Uint8Array.from({ length: random(30) }, () => random(2))),
      targets: list(random(4)),
      addresses: list(random(20)),
      registers: list(random(4)),
      memory: list(random(4)),
    });
    for (const table of EVENT_TABLES) {
      const columns = Object.entries(columnsOf(table)).slice(4);
      const row = columns.map(([name, { type, nullable, number }]) => [
        name,
        nullable && random(3) === 0 ? null : (number ? numbers : values)[type](),
      ]);
      recorder.append(table, Object.fromEntries(row) as RowOf<typeof table>);
    }
    stamp.icount += 1;
    stamp.timeNs += random(100);
  }
  await recorder.finish('test', () => ({ stateHash: '', checkpoint: null }));
}
