/** Lines of a console, and who printed them. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { DEFAULT_RECIPE } from '../../src/machine/recipe.ts';
import { open } from '../../src/sql/open.ts';
import type { Session } from '../../src/sql/session.ts';
import { record } from '../../src/trace/flight_recorder.ts';

/** Writes the bytes behind it to the UART, four instructions each. */
const PROGRAM = [
  0x10000100, // adr x0, .+0x20
  0xd2a12001, // mov x1, #0x09000000
  0x38401402, // ldrb w2, [x0], #1
  0x34000062, // cbz w2, .+12
  0x39000022, // strb w2, [x1]
  0x17fffffd, // b .-12
  0xd503207f, // wfi
  0xd503201f, // nop
];
const LONG = 'x'.repeat(5000);
const PRINTED = [
  '(XEN) Xen version 4.17.7\r\n',
  '(XEN) DOM12: Booting Linux\r\r\n',
  '(d3) by hypercall\n',
  'Linux of dom0 says (XEN) DOM1: \n',
  '\n',
  '(XEN)   d0v0: indented\n',
  'Grüße\n',
  `${LONG}\n`,
  '/ # ',
];

let directory: string;
let session: Session;
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'hindsight-console-'));
  const image = join(directory, 'program.bin');
  const code = Buffer.from(new Uint32Array(PROGRAM).buffer);
  writeFileSync(image, Buffer.concat([code, Buffer.from(`${PRINTED.join('')}\0`)]));
  const path = join(directory, 'program.hs');
  const recipe = { ...DEFAULT_RECIPE, load: [`${image}@0x40000000`] };
  await record({ recipe, directory: path, detail: 'flow', onConsole: () => {} });
  session = await open(path);
});
afterAll(() => {
  session?.close();
  rmSync(directory, { recursive: true });
});

test('what Xen puts in front of a line is its source, and only in front; every line is there, with the last one', async () => {
  const rows = await session.sql('SELECT source, text FROM console_lines');
  expect(rows.map(({ source, text }) => [source, text])).toEqual([
    ['xen', 'Xen version 4.17.7'],
    ['dom12', 'Booting Linux'],
    ['dom3', 'by hypercall'],
    ['', 'Linux of dom0 says (XEN) DOM1: '],
    ['', ''],
    ['xen', '  d0v0: indented'],
    ['', 'Grüße'],
    ['', LONG.slice(0, 4096)],
    ['', LONG.slice(4096)],
    ['', '/ # '],
  ]);
});

test('a line is where its first byte is in table console', async () => {
  const lines = await session.sql('SELECT icount, seq, time_ns, cpu, device FROM console_lines LIMIT 3');
  let at = 0;
  for (const [i, line] of lines.entries()) {
    const [byte] = await session.sql(
      `SELECT icount, seq, time_ns, cpu, device FROM console ORDER BY seq LIMIT 1 OFFSET ${at}`,
    );
    expect(line).toEqual(byte);
    // Two instructions come before the loop, four of the loop are executed for each byte, the store is the third.
    expect(line['icount']).toBe(BigInt(2 + 4 * at + 2));
    at += PRINTED[i].length;
  }
});

test('console_lines(start, stop) has the lines that begin there', async () => {
  const second = PRINTED[0].length;
  const rows = await session.sql(`SELECT text FROM console_lines(${4 + 4 * second}, ${4 + 4 * second + 1})`);
  expect(rows).toEqual([{ text: 'Booting Linux' }]);
});
