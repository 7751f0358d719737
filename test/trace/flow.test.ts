import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { FlowDecoder } from '../../src/trace/flow.ts';
import { openRecording } from '../../src/trace/recording.ts';
import { type Attempted, recordSynthetic } from './synthetic.ts';

const directory = mkdtempSync(join(tmpdir(), 'hindsight-flow-'));
afterAll(() => rmSync(directory, { recursive: true }));

function decodeAll(path: string): Omit<Attempted, 'addresses'>[] {
  const recording = openRecording(path);
  const decoder = new FlowDecoder(recording);
  const found: Omit<Attempted, 'addresses'>[] = [];
  for (const packet of decoder.packets()) {
    const runs = decoder.decode(packet);
    for (let i = 0; i < runs.count; i++)
      for (let n = 0; n < runs.lengths[i]; n++) {
        const offset = runs.offsets[i] + 4 * n;
        const page = runs.pages[i];
        found.push({
          icount: runs.icounts[i] + n,
          cpu: packet.cpu,
          pc: (BigInt(runs.vaPages[i]) << 12n) + BigInt(offset),
          pa: page === undefined ? null : BigInt(page.pa + offset),
          opcode: page === undefined ? null : page.words[offset >>> 2],
          el: runs.els[i],
          regime: packet.regime,
        });
      }
  }
  return found;
}

describe('the flow decoder', () => {
  for (const [seed, cpus] of [
    [1, 1],
    [2, 1],
    [3, 2],
  ])
    test(`finds every instruction of a random execution again, exceptions and interrupts among them (seed ${seed}, ${cpus} CPUs)`, async () => {
      const path = join(directory, `${seed}.hs`);
      const { instructions } = await recordSynthetic(path, { instructions: 30_000, seed, cpus });
      expect(decodeAll(path)).toEqual(instructions.map(({ addresses: _, ...rest }) => rest));
    });
});
