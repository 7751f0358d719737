import { fork, spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { cellOf, columnsOf } from '../../src/trace/columns.ts';
import { committedIn } from '../../src/trace/committed_size.ts';
import { Recorder } from '../../src/trace/recorder.ts';
import { openRecording } from '../../src/trace/recording.ts';
import { findingText, verifyRecording } from '../../src/trace/verify.ts';
import { UserError } from '../../src/user-error.ts';
import { randomNumbers, recordSynthetic, type Synthetic, syntheticState } from './synthetic.ts';

const directory = mkdtempSync(join(tmpdir(), 'hindsight-recording-'));
const path = join(directory, 'a.hs');
let synthetic: Synthetic;
beforeAll(async () => {
  synthetic = await recordSynthetic(path, { instructions: 8_000, seed: 5, epochs: 4 });
});
afterAll(() => rmSync(directory, { recursive: true }));

const filesOf = (at: string) =>
  readdirSync(at, { recursive: true, encoding: 'utf8' })
    .filter((file) => statSync(join(at, file)).isFile())
    .sort();

describe('a recording', () => {
  test('is whole, and nothing in it is found wanting', () => {
    const recording = openRecording(path);
    expect(recording.incomplete).toBeUndefined();
    expect(recording.epochs.length).toBe(4);
    expect(recording.facts.reason).toBe('power off');
    expect(recording.facts.rows).toEqual(synthetic.rows);
    expect(recording.instructions).toBe(synthetic.instructions.length);
    expect(verifyRecording(path)).toEqual({ findings: [], leftovers: [], incomplete: undefined });
  });

  test('has as many bytes committed as its epochs have files, to its last instruction', () => {
    const size = (file: string) => statSync(join(path, file)).size;
    const files = filesOf(path).filter((file) => !['recording.json', 'host.json'].includes(file));
    expect(committedIn(path)()).toEqual({
      bytes: files.reduce((sum, file) => sum + size(file), 0),
      icount: openRecording(path).facts.instructions,
    });
    expect(committedIn(`${path}.none`)()).toEqual({ bytes: 0, icount: 0 });
  });

  test('made twice from the same events has the same bytes in every file', async () => {
    const again = join(directory, 'again.hs');
    await recordSynthetic(again, { instructions: 8_000, seed: 5, epochs: 4 });
    expect(filesOf(again)).toEqual(filesOf(path));
    for (const file of filesOf(path))
      expect(readFileSync(join(again, file)).equals(readFileSync(join(path, file))), file).toBe(true);
  });

  test('gives back every kind of value: 64-bit ones from numbers and from BigInts, nulls, lists, bytes, texts', async () => {
    const stamp = { icount: 2 ** 40 + 7, timeNs: 5, cpu: 3 };
    const values = join(directory, 'values.hs');
    const recorder = new Recorder(values, stamp, { recipe: {} });
    const walk = {
      pc: -4096n,
      stage: 1,
      regime: 'EL10',
      vmid: 65535,
      asid: 1,
      access: 'fetch',
      va: -4096,
      level: 3,
      page_size: 2 ** 30,
      descriptor_addresses: [0x4000_0000, 0x4000_1008],
      descriptors: BigUint64Array.of(0xffff_ffff_ffff_ffffn),
      outcome: 'translation',
      s1ptw: true,
    };
    expect(recorder.append('walks', walk)).toBe(0);
    expect(
      recorder.append('walks', { ...walk, s1ptw: false, descriptors: [], outcome: 'übersetzt', pa: 1 }),
    ).toBe(1);
    expect(recorder.append('inputs', { kind: 'console', payload: Uint8Array.of(0, 255, 7) })).toBe(2);
    stamp.icount += 1;
    await recorder.finish('test', () => ({ stateHash: '', checkpoint: null }));
    const recording = openRecording(values);
    const [batch] = recording.batches('walks', Object.keys(columnsOf('walks')));
    const row = (n: number) =>
      Object.fromEntries(
        Object.entries(batch.columns).map(([name, data]) => [
          name,
          cellOf(columnsOf('walks')[name].type, data, n),
        ]),
      );
    expect(row(0)).toMatchObject({
      icount: 2n ** 40n + 7n,
      cpu: 3,
      pc: 0xffff_ffff_ffff_f000n,
      va: 0xffff_ffff_ffff_f000n,
      vmid: 65535,
      ipa: null,
      pa: null,
      page_size: 2n ** 30n,
      descriptor_addresses: BigUint64Array.of(0x4000_0000n, 0x4000_1008n),
      descriptors: BigUint64Array.of(0xffff_ffff_ffff_ffffn),
      s1ptw: true,
      outcome: 'translation',
    });
    expect(row(1)).toMatchObject({
      pa: 1n,
      s1ptw: false,
      descriptors: new BigUint64Array(0),
      outcome: 'übersetzt',
    });
    const [inputs] = recording.batches('inputs', ['payload']);
    expect(cellOf('bytes', inputs.columns['payload'], 0)).toEqual(Uint8Array.of(0, 255, 7));
  });

  test('of more rows than the recorder and its writer have room for has all of them, in batches of 65,536', async () => {
    const stamp = { icount: 0, timeNs: 0, cpu: 0 };
    const many = join(directory, 'many.hs');
    const recorder = new Recorder(many, stamp, { recipe: {} });
    const count = 5 * 65_536 + 3;
    for (let n = 0; n < count; n++)
      recorder.append('tlbi', { pc: 0n, op: `op ${n >>> 16}`, argument: BigInt(n), vmid: 0, asid: 0, el: 1 });
    await recorder.finish('test', () => ({ stateHash: '', checkpoint: null }));
    const batches = [...openRecording(many).batches('tlbi', ['seq', 'argument', 'op'])];
    expect(batches.map(({ rows }) => rows)).toEqual([65_536, 65_536, 65_536, 65_536, 65_536, 3]);
    let n = 0;
    for (const { rows, columns } of batches)
      for (let row = 0; row < rows; row++, n++) {
        const { seq, argument, op } = columns;
        if (
          seq.values[row] !== BigInt(n) ||
          argument.values[row] !== BigInt(n) ||
          op.values[row] !== n >>> 16
        )
          throw new Error(`row ${n}: ${seq.values[row]} ${argument.values[row]} ${op.values[row]}`);
      }
    expect(n).toBe(count);
  });

  test('has checkpoints, each with every page as it was then', () => {
    const recording = openRecording(path);
    expect(recording.checkpoints().map(({ epoch, stateHash }) => ({ epoch, stateHash }))).toEqual(
      [1, 2, 3, 4].map((epoch) => ({ epoch, stateHash: `hash ${epoch}` })),
    );
    const { sections, pages, pageCount } = recording.loadCheckpoint(2);
    expect([...sections.keys()]).toEqual(['cpu0', 'devices']);
    expect(sections.get('cpu0')).toEqual(Uint8Array.of(3, 1, 2));
    // Epochs 1, 2 and 3 wrote pages {0, 1, 2}, {0, 2, 4} and {0, 3, 6}.
    const found = new Map(
      [...pages()].map(({ pa, content }) => [Number(pa - 0x4000_0000n) / 4096, [...new Set(content)]]),
    );
    expect(pageCount).toBe(6);
    expect(found).toEqual(
      new Map([
        [1, [1]],
        [2, [2]],
        [4, [2]],
        [0, [3]],
        [3, [3]],
        [6, [3]],
      ]),
    );
  });
});

describe('damage', () => {
  test('a flipped bit anywhere in any file is found, named by file, and opening throws nothing but a UserError', () => {
    const random = randomNumbers(77);
    for (const file of filesOf(path)) {
      const good = readFileSync(join(path, file));
      for (let i = 0; i < 3; i++) {
        const bad = Buffer.from(good);
        const bit = i === 0 ? 8 * bad.length - 1 - random(200) : random(8 * bad.length);
        bad[bit >> 3] ^= 1 << (bit & 7);
        writeFileSync(join(path, file), bad);
        const { findings } = verifyRecording(path);
        expect(findings.map(findingText).join('\n'), `bit ${bit} of ${file}`).toContain(
          file === 'recording.json' ? 'recording' : file,
        );
      }
      writeFileSync(join(path, file), good);
    }
    expect(verifyRecording(path).findings).toEqual([]);
  });

  test('a truncated, empty or missing file is found and named', () => {
    for (const file of filesOf(path)) {
      const good = readFileSync(join(path, file));
      for (const change of [
        () => writeFileSync(join(path, file), good.subarray(0, good.length >> 1)),
        () => writeFileSync(join(path, file), ''),
        () => rmSync(join(path, file)),
      ]) {
        change();
        const { findings } = verifyRecording(path);
        if (file !== 'host.json') expect(findings.length, file).toBeGreaterThan(0);
        writeFileSync(join(path, file), good);
      }
    }
  });

  test('in a value is named with its column and rows', () => {
    const segment = openRecording(path).segments('flow')[1];
    const file = join(path, segment.file);
    const good = readFileSync(file);
    const named = new Set<string>();
    for (let at = 2000; at < good.length; at += 131) {
      const bad = Buffer.from(good);
      bad[at] ^= 0x10;
      writeFileSync(file, bad);
      for (const { column, rows } of verifyRecording(path).findings)
        if (column !== undefined && rows !== undefined) named.add(column);
    }
    writeFileSync(file, good);
    expect([...named]).toEqual(expect.arrayContaining(['pc', 'atoms', 'seq']));
  });

  test('exchanged epochs are refused', () => {
    const copy = join(directory, 'exchanged.hs');
    cpSync(path, copy, { recursive: true });
    writeFileSync(join(copy, 'epochs/000002.json'), readFileSync(join(copy, 'epochs/000003.json')));
    expect(() => openRecording(copy)).toThrow(
      /epochs\/000002.json is damaged: it does not follow the epoch before/,
    );
  });

  test.each([
    ['a directory that is none', () => join(directory, 'nothing'), /no such recording/],
    ['a directory of something else', () => directory, /is not a recording/],
    ['a file', () => join(path, 'recording.json'), /is not a recording/],
  ])('%s is refused in one line', (_, where, what) => {
    expect(() => openRecording(where())).toThrow(UserError);
    expect(() => openRecording(where())).toThrow(what);
  });

  test('a recording is not written over another', () => {
    expect(() => new Recorder(path, { icount: 0, timeNs: 0, cpu: 0 }, { recipe: {} })).toThrow(
      /exists already/,
    );
  });
});

describe('an interrupted recording', () => {
  const writer = join(import.meta.dirname, 'endless_recording.ts');

  test('killed at any moment opens with what was committed', async () => {
    for (const delay of [150, 400]) {
      const killed = join(directory, `killed-${delay}.hs`);
      const child = fork(writer, [killed], { stdio: 'ignore' });
      const ended = new Promise((resolve) => child.once('exit', resolve));
      // Counted from the first committed epoch, so that a loaded machine does not change what is tested.
      await new Promise((resolve) => child.once('message', resolve));
      await setTimeout(delay);
      child.kill('SIGKILL');
      await ended;
      const recording = openRecording(killed);
      expect(recording.epochs.length).toBeGreaterThan(0);
      expect(recording.incomplete).toContain(`ends at epoch ${recording.epochs.length}`);
      expect(verifyRecording(killed).findings).toEqual([]);
      recording.close();
    }
  });

  test('that meets the file size limit ends with one line, and keeps what was committed', () => {
    const limited = join(directory, 'limited.hs');
    const { status, stderr } = spawnSync(
      'bash',
      ['-c', `ulimit -f 64; exec '${process.execPath}' '${writer}' '${limited}' large`],
      { encoding: 'utf8' },
    );
    expect(stderr.trim()).toBe(
      `cannot write ${limited}: a file became larger than "ulimit -f" allows; what was recorded up to epoch 1 is whole and can be read`,
    );
    expect(status).toBe(2);
    expect(verifyRecording(limited)).toMatchObject({ findings: [], leftovers: [] });
    expect(openRecording(limited).epochs.length).toBe(1);
  });

  test('whose directory cannot be made is refused in one line', () => {
    expect(() => new Recorder('/proc/nothing.hs', { icount: 0, timeNs: 0, cpu: 0 }, { recipe: {} })).toThrow(
      /cannot write \/proc\/nothing.hs/,
    );
  });
});

test('an epoch cannot close within a packet', async () => {
  const recorder = new Recorder(join(directory, 'open.hs'), { icount: 0, timeNs: 0, cpu: 0 }, { recipe: {} });
  recorder.beginPacket();
  expect(() => recorder.closeEpoch(() => syntheticState(1))).toThrow(/within a packet/);
  await recorder.abandon();
});
