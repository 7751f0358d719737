/** A user's mistake is one line that names what is wrong, and exit code 2. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { linuxImage } from '../machine/linux_image.ts';
import { hindsight } from './command_line.ts';

const HELLO = join(import.meta.dirname, '../../traces/hello/hello.elf');
let scratch: string;
let recording: string;

beforeAll(async () => {
  scratch = mkdtempSync(join(tmpdir(), 'hindsight-test-'));
  recording = join(scratch, 'hello.hs');
  expect(await hindsight('record', HELLO, '-o', recording, '-q')).toMatchObject({ code: 0 });
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const file = (name: string, bytes: Uint8Array | string): string => {
  const path = join(scratch, name);
  writeFileSync(path, bytes);
  return path;
};

/** Arguments after `record` or the whole command line, and what the line must say. */
const MISTAKES: readonly (readonly [string, () => string[], RegExp])[] = [
  ['no image', () => ['record'], /name an image/],
  ['a missing file', () => ['record', join(scratch, 'none.elf')], /none\.elf: no such file/],
  [
    'a file that is no image',
    () => ['record', file('text', 'hello\n')],
    /neither an ELF file nor a Linux Image/,
  ],
  [
    'a truncated ELF',
    () => ['record', file('short.elf', readFileSync(HELLO).subarray(0, 100))],
    /truncated ELF/,
  ],
  ['an ELF for another machine', () => ['record', file('x86.elf', foreignElf())], /x86-64/],
  [
    'overlapping loads',
    () => ['record', HELLO, '--load', `${file('blob', 'x'.repeat(64))}@0x40200000`],
    /overlaps/,
  ],
  ['too little RAM', () => ['record', HELLO, '--ram', '64K'], /outside|RAM/],
  ['too much RAM', () => ['record', HELLO, '--ram', '128G'], /at most 64 GiB/],
  ['an unreadable size', () => ['record', HELLO, '--ram', 'much'], /--ram much/],
  ['no RAM', () => ['record', HELLO, '--ram', '0'], /--ram 0: must be a multiple of 4 KiB, as 256M is/],
  ['no number of CPUs', () => ['record', HELLO, '--smp', 'x'], /--smp x: write a number, as in --smp 2$/m],
  [
    'an end that is no number',
    () => ['record', HELLO, '--until', 'icount=x'],
    /--until icount=x: write a number, as in --until icount=10M/,
  ],
  [
    'a disk of another format',
    () => ['record', HELLO, '--drive', `${HELLO},format=qcow2`],
    /hello\.elf: not a qcow2 image/,
  ],
  [
    'a module at no address',
    () => ['record', file('Xen', linuxImage({})), '--module', `kernel=${HELLO},addr=here`],
    /--module addr=here: write a number, as in --module addr=0x49000000/,
  ],
  ['an unknown GIC', () => ['record', HELLO, '--gic', '4'], /--gic 4: must be one of 2, 3/],
  ['an unknown CPU', () => ['record', HELLO, '--cpu', 'z80', '-o', join(scratch, 'c.hs')], /--cpu z80/],
  ['an unknown end', () => ['record', HELLO, '--until', 'tomorrow'], /--until tomorrow/],
  ['an output that exists', () => ['record', HELLO, '-o', recording], /exists already/],
  ['an unknown option', () => ['record', HELLO, '--frobnicate'], /unknown option '--frobnicate'/],
  ['an unknown command', () => ['frobnicate'], /unknown command 'frobnicate'/],
  ['nothing to verify', () => ['verify', join(scratch, 'none.hs')], /none\.hs: no such recording/],
  ['no statement', () => ['query', recording, ' '], /there is no statement/],
  ...['table', 'parquet'].map(
    (format) =>
      [
        `a result, as ${format}, in no folder`,
        () => ['query', recording, 'SELECT 1', '--format', format, '-o', join(scratch, 'none/result')],
        /none\/result: .*no such file or directory/,
      ] as const,
  ),
  [
    'a result that the disk has no room for',
    () => ['query', recording, 'SELECT 1', '--format', 'arrow', '-o', '/dev/full'],
    /\/dev\/full: .*no space left/,
  ],
  [
    'no budget',
    () => ['exits', recording, '--budget', join(scratch, 'none.json')],
    /none\.json: no such file/,
  ],
  [
    'a budget in no folder',
    () => ['exits', recording, '--write-budget', join(scratch, 'none/budget.json')],
    /--write-budget .*none\/budget\.json: .*no such file or directory/,
  ],
  ['a timeline of nothing', () => ['exits', recording, '--timeline', '0'], /--timeline 0: at least one/],
  ['no recording', () => ['info', scratch], /not a recording/],
  ['a wrong statement', () => ['query', recording, 'selec 1'], /SQL: .*syntax error/],
  ['an unknown table', () => ['query', recording, 'select * from exit'], /SQL: .*exit does not exist/],
  ['an unknown format', () => ['query', recording, 'select 1', '--format', 'xml'], /--format xml/],
  [
    'an instant beyond the end',
    () => ['replay', recording, '--to', '1G'],
    /there is no instruction 1000000000/,
  ],
  ['a window without an end', () => ['replay', recording, '--from', '5'], /a window needs/],
  ['a wrong address', () => ['replay', recording, '--memory', 'here'], /--memory here/],
];

function foreignElf(): Uint8Array {
  const bytes = Uint8Array.from(readFileSync(HELLO));
  new DataView(bytes.buffer).setUint16(18, 62, true);
  return bytes;
}

describe('a mistake is one line and exit code 2', () => {
  it.each(MISTAKES)('%s', async (_name, args, says) => {
    const { code, stderr } = await hindsight(...args());
    expect(stderr.trimEnd().split('\n'), stderr).toHaveLength(1);
    expect(stderr).toMatch(/^hindsight: /);
    expect(stderr).toMatch(says);
    expect(code).toBe(2);
  });
});

describe('damage', () => {
  it('a flipped bit in any segment is found by verify, and exit code is 1', async () => {
    for (const name of readdirSync(recording).filter((entry) => entry.endsWith('.arrow'))) {
      const path = join(recording, name);
      const whole = readFileSync(path);
      const broken = Uint8Array.from(whole);
      broken[Math.floor(whole.length / 2)] ^= 0x10;
      writeFileSync(path, broken);
      const { code, stdout } = await hindsight('verify', recording);
      writeFileSync(path, whole);
      expect(stdout).toContain(name);
      expect(code).toBe(1);
    }
    expect(await hindsight('verify', recording)).toMatchObject({ code: 0 });
  });

  it('a recording.json that is cut off is one line and exit code 2', async () => {
    const path = join(recording, 'recording.json');
    const whole = readFileSync(path);
    writeFileSync(path, whole.subarray(0, whole.length / 2));
    const { code, stderr } = await hindsight('info', recording);
    writeFileSync(path, whole);
    expect(stderr).toMatch(/^hindsight: .*recording\.json/);
    expect(code).toBe(2);
  });
});
