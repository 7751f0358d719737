/** From an image to answers, through the command line. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hindsight } from './command_line.ts';

const TRACES = join(import.meta.dirname, '../../traces');
let scratch: string;

beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), 'hindsight-test-'));
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const GUESTS = ['hello', 'vectors', 'hypervisor'].flatMap((name) => [2, 3].map((gic) => ({ name, gic })));

describe.each(GUESTS)('$name on GICv$gic', ({ name, gic }) => {
  const recording = () => join(scratch, `${name}-${gic}.hs`);
  const image = join(TRACES, name, `${name}.elf`);

  it('prints what QEMU prints', async () => {
    const { code, stdout } = await hindsight(
      'record',
      image,
      '--gic',
      String(gic),
      '--ram',
      '256M',
      '-o',
      recording(),
    );
    const golden =
      readdirSync(join(TRACES, name)).find((file) => file === `console-gicv${gic}.txt`) ?? 'console.txt';
    expect(stdout.replaceAll('\r', '')).toBe(
      readFileSync(join(TRACES, name, golden), 'latin1').replaceAll('\r', ''),
    );
    expect(code).toBe(0);
  });

  it('replays identically', async () => {
    expect(await hindsight('replay', recording(), '--verify')).toMatchObject({
      code: 0,
      stdout: /identical/,
    });
  });

  it('is recorded again byte for byte', async () => {
    const again = `${recording()}.again`;
    await hindsight('record', image, '--gic', String(gic), '--ram', '256M', '-o', again, '-q');
    const files = readdirSync(recording(), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.name !== 'host.json')
      .map((entry) => join(entry.parentPath, entry.name));
    for (const file of files)
      expect(readFileSync(file).equals(readFileSync(file.replace(recording(), again))), file).toBe(true);
  });
});

describe('a window of the hypervisor', () => {
  it('has the registers of the recording that it is from', async () => {
    const whole = join(scratch, 'hypervisor-2.hs');
    const window = join(scratch, 'window.hs');
    const made = await hindsight(
      'replay',
      whole,
      '--detail',
      'full',
      '--from',
      '4M',
      '--to',
      '4020000',
      '-o',
      window,
    );
    expect(made).toMatchObject({ code: 0 });
    const at = async (recording: string) => (await hindsight('replay', recording, '--to', '4010000')).stdout;
    expect(await at(window)).toBe(await at(whole));
    expect(await hindsight('verify', window)).toMatchObject({ code: 0 });
  });

  it('has the register writes of the recording that it is from, though its beginning was reached without recording', async () => {
    const whole = join(scratch, 'hypervisor-2.hs');
    const window = join(scratch, 'writes.hs');
    const range = ['--from', '4M', '--to', '6M'];
    await hindsight('replay', whole, '--detail', 'flow', ...range, '-o', window);
    const query = `SELECT icount, register, value FROM sysregs WHERE icount >= 4000000 AND icount < 6000000`;
    const written = async (recording: string) =>
      (await hindsight('query', recording, query, '--format', 'csv')).stdout;
    expect(await written(window)).toContain('SPSR_EL2');
    expect(await written(window)).toBe(await written(whole));
  });
});
