import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';

test('standard input is read to its end though it does not wait and comes in parts', async () => {
  const module = join(import.meta.dirname, '../../src/machine/input_file.ts');
  // Node makes reads of a pipe not wait when it is asked for the stream.
  const child = spawn(process.execPath, [
    '--input-type=module',
    '-e',
    `process.stdin; const { readInputFile } = await import(${JSON.stringify(module)});
     console.log('ready');
     console.log(Buffer.from(readInputFile('-')).toString());`,
  ]);
  let output = '';
  const ended = new Promise((resolve) => child.on('close', resolve));
  child.stdout.on('data', (bytes) => {
    // It reads already, or will at once, and finds nothing.
    if (output === '') setTimeout(() => child.stdin.write('one '), 50);
    if (output === '') setTimeout(() => child.stdin.end('two'), 100);
    output += bytes;
  });
  expect(await ended).toBe(0);
  expect(output).toBe('ready\none two\n');
});
