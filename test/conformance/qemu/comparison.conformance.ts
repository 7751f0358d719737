import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { VECTOR_BASE } from '../../../src/cpu/state.ts';
import { DEFAULT_RECIPE } from '../../../src/machine/recipe.ts';
import { MachineSubject } from '../machine_subject.ts';
import { compareWithQemu, type Subject } from './comparison.ts';
import {
  assembleImage,
  compileDeviceTree,
  deviceTreeSource,
  RECORD_BYTES,
  readRecord,
  traceReference,
} from './reference.ts';
import { reportComparison } from './report.ts';
import { STATE_WORDS } from './state.ts';

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

  it('stops at a register that is wrong for good', async () => {
    const wrong = () =>
      playback(states, (icount, words) => {
        if (icount >= 777) words[2 * 7] ^= 1;
      });
    const result = await compareWithQemu(machine, wrong, { limit: LENGTH });
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

type Change = (machine: MachineSubject['machine']) => void;

/** A machine in which one bit is wrong before instruction `at`; behind it `change` puts it right again, unless it is `forGood`. */
function wrongAt(subject: MachineSubject, at: number, change: Change, forGood = false): Subject {
  let changes = 0;
  const changeAt = (icount: number) => {
    subject.runTo(icount);
    change(subject.machine);
    changes++;
  };
  return {
    runTo: (icount) => {
      if (changes === 0 && icount >= at) changeAt(at);
      if (changes === 1 && icount > at && !forGood) changeAt(at + 1);
      return subject.runTo(icount);
    },
    get icount() {
      return subject.icount;
    },
    readState: (words) => subject.readState(words),
    digest: (icount) => subject.digest!(icount),
    console: () => subject.console(),
  };
}

describe('the comparison by digests', () => {
  const file = fileURLToPath(new URL('../../../traces/bench/float-simd/float-simd.elf', import.meta.url));
  const dtb = compileDeviceTree(deviceTreeSource('min-gicv3'));
  const reference = { kernel: file, gic: 3, ramMiB: 256, deviceTree: dtb } as const;
  const start = () =>
    new MachineSubject({ ...DEFAULT_RECIPE, image: file, gic: 3, ram: 2 ** 28, dtb }, 'interpreter');
  const limit = 300_000;

  it('finds our machine and QEMU identical', async () => {
    const result = await compareWithQemu(reference, start, { limit });
    expect(result).toMatchObject({ commonPrefix: limit, divergence: undefined, ending: undefined });
  });

  const x =
    (n: number, bit: number): Change =>
    ({ state }) =>
      state.setX(n, state.x(n) ^ (1n << BigInt(bit)));
  const flag =
    (bit: number): Change =>
    ({ state }) => {
      state.nzcv = (state.nzcv ^ (1 << bit)) >>> 0;
    };
  const stack: Change = ({ state }) => state.set('sp', state.get('sp') ^ 0x100n);
  const moments = [
    { name: 'x6', what: 'the lowest bit of X6', at: 200_001, change: x(6, 0) },
    { name: 'x28', what: 'the highest bit of X28', at: 131_071, change: x(28, 63) },
    { name: 'x30', what: 'a bit of X30 behind a digest', at: 131_072, change: x(30, 31) },
    { name: 'sp', what: 'a bit of SP', at: 250_000, change: stack },
    { name: 'pstate', what: 'N', at: 299_001, change: flag(31) },
    { name: 'pstate', what: 'Z', at: 299_002, change: flag(30) },
    { name: 'pstate', what: 'C', at: 299_003, change: flag(29) },
    { name: 'pstate', what: 'V', at: 299_004, change: flag(28) },
  ];

  it.each(moments)('sees $what wrong before instruction $at only, and says so', async (moment) => {
    const { name, at, change } = moment;
    const result = await compareWithQemu(reference, () => wrongAt(start(), at, change), { limit });
    expect(result.commonPrefix).toBe(at);
    expect(result.divergence).toMatchObject({ icount: at, differences: [{ name }] });
  });

  const vector: Change = ({ state }) => {
    state.u64[(VECTOR_BASE >>> 3) + 2 * 17 + 1] ^= 1n << 63n;
  };
  const denormal: Change = ({ registers }) => registers.set('FPSR', registers.get('FPSR') ^ 0x80n);

  it.each([
    { name: 'v17', what: 'the highest bit of V17', at: 222_222, change: vector },
    { name: 'fpsr', what: 'FPSR.IDC', at: 222_223, change: denormal },
  ])('sees $what wrong from instruction $at on, whoever uses it', async ({ name, at, change }) => {
    const result = await compareWithQemu(reference, () => wrongAt(start(), at, change, true), { limit });
    expect(result.commonPrefix).toBe(at);
    expect(result.divergence).toMatchObject({ icount: at, differences: [{ name }] });
  });
});
