import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { Machine } from '../../src/machine/machine.ts';
import { DEFAULT_RECIPE } from '../../src/machine/recipe.ts';
import { RunLoop } from '../../src/machine/run_loop.ts';

test('Table console has each byte that leaves the UART once', () => {
  const image = fileURLToPath(new URL('../../traces/hello/hello.elf', import.meta.url));
  const rows: number[] = [];
  const output: number[] = [];
  const machine = new Machine({
    recipe: { ...DEFAULT_RECIPE, image },
    readFile: (path) => new Uint8Array(readFileSync(path)),
    onConsole: (byte) => output.push(byte),
    events: () => ({
      recording: true,
      append: (table, row) =>
        table === 'console' ? rows.push((row as unknown as { byte: number }).byte) : 0,
    }),
  });
  const loop = new RunLoop(machine);
  for (let stopped = loop.settle(); !stopped; ) stopped = loop.runPacket(loop.beginPacket(), 10_000);
  expect(String.fromCharCode(...output)).toBe('hello hypervisor\n');
  expect(rows).toEqual(output);
});
