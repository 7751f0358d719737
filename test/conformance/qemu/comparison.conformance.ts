import { describe, expect, it } from 'vitest';
import { compareWithQemu, STATE_WORDS, type Subject } from './comparison.ts';
import { assembleImage, RECORD_BYTES, readRecord, traceReference } from './reference.ts';
import { reportComparison } from './report.ts';

const image = assembleImage(new URL('../probes/exceptions.S', import.meta.url).pathname, [
  new URL('../probes/probe.h', import.meta.url).pathname,
]);
const machine = { kernel: image, gic: 3, ramMiB: 64 } as const;
const LENGTH = 1500;

/** QEMU's own states, played back: a subject that is right, or wrong where the test says so. */
async function recorded(): Promise<Uint32Array> {
  const chunks: Buffer[] = [];
  for await (const chunk of traceReference(machine, { count: LENGTH }).records) chunks.push(chunk);
  const bytes = Buffer.concat(chunks);
  return new Uint32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
}

function playback(
  states: Uint32Array,
  change: (icount: number, words: Uint32Array) => void,
  end = LENGTH,
): Subject {
  const subject = {
    icount: 0,
    runTo: (icount: number) => {
      subject.icount = Math.min(icount, end);
      return subject.icount === icount ? 'reached' : 'off';
    },
    readState: (words: Uint32Array) => {
      words.set(states.subarray(subject.icount * STATE_WORDS, (subject.icount + 1) * STATE_WORDS));
      change(subject.icount, words);
    },
    console: () => new Uint8Array(),
  };
  return subject;
}

describe('the comparison with QEMU', async () => {
  const states = await recorded();

  it('finds two runs of QEMU itself identical, so the reference is deterministic', async () => {
    const result = await compareWithQemu(machine, () => playback(states, () => {}), { limit: LENGTH });
    expect(result).toMatchObject({ commonPrefix: LENGTH, divergence: undefined, identical: true });
  });

  it.each([1, 64])('stops at a register that is wrong for good, comparing every %i', async (every) => {
    const wrong = () =>
      playback(states, (icount, words) => {
        if (icount >= 777) words[2 * 7] ^= 1;
      });
    const result = await compareWithQemu(machine, wrong, { limit: LENGTH, every });
    expect(result.commonPrefix).toBe(777);
    expect(result.divergence!.differences.map(({ name }) => name)).toEqual(['x6']);
    const { pc } = readRecord(Buffer.from(states.buffer), 777 * RECORD_BYTES);
    expect(reportComparison(result)).toContain(`0x${pc.toString(16)}`);
  });

  it('sees a flag that is wrong before one instruction only', async () => {
    const wrong = () =>
      playback(states, (icount, words) => {
        if (icount === 500) words[67] ^= 0x2000_0000;
      });
    const result = await compareWithQemu(machine, wrong, { limit: LENGTH });
    expect(result.divergence).toMatchObject({ icount: 500, differences: [{ name: 'pstate' }] });
  });

  it('says so when the machine stops and QEMU goes on', async () => {
    const result = await compareWithQemu(machine, () => playback(states, () => {}, 900), { limit: LENGTH });
    expect(result.ending).toMatch(/stopped \(off\) after 900/);
    expect(result.commonPrefix).toBe(900);
  });
});
