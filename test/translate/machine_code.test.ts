/** The interpreters' machine code that a build leaves is taken where V8 says that it is for this process, and else there is none. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { crc32 } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { prebuild, prebuiltFile } from '../../src/translate/interpreter/prebuilt.ts';
import { MEMORY_PAGES } from '../../src/translate/layout.ts';

const INTERPRETER = fileURLToPath(new URL('../../src/translate/interpreter', import.meta.url));
let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'machine-code-'));
  prebuild(directory);
  run(`code.writeMachineCode('${directory}')`);
});
afterAll(() => rmSync(directory, { recursive: true }));

/** What is printed by a process of its own, whose V8 has these flags. */
function run(statement: string, ...flags: string[]): string {
  const imports = ['prebuilt', 'machine_code'].map((name) => `import('${INTERPRETER}/${name}.ts')`);
  const script = `Promise.all([${imports}]).then(([prebuilt, code]) => ${statement})`;
  const { stdout, stderr } = spawnSync(process.execPath, [...flags, '-e', script], {
    encoding: 'utf8',
    // Not the test runner's flags.
    env: { ...process.env, NODE_OPTIONS: '' },
  });
  expect(stderr).toBe('');
  return stdout.trim();
}
/** Whether the loop is optimized in a process that has executed nothing; 'none' where there is no code. */
const loop = (...flags: string[]) =>
  run(
    `{
      const { bytes } = prebuilt.prebuiltInterpreter('flow', '${directory}');
      const module = code.optimizedModule('flow', bytes, '${directory}');
      if (!module) return console.log('none');
      const { memory, host } = Object.groupBy(WebAssembly.Module.imports(module), ({ module }) => module);
      const state = new WebAssembly.Memory({ initial: ${MEMORY_PAGES}, maximum: ${MEMORY_PAGES}, shared: true });
      const pool = new WebAssembly.Memory({ initial: 1, maximum: 65536, shared: true });
      const calls = Object.fromEntries(host.map(({ name }) => [name, () => 0]));
      const { exports } = new WebAssembly.Instance(module, { memory: { state, pool }, host: calls });
      require('node:v8').setFlagsFromString('--allow-natives-syntax');
      console.log(new Function('f', 'return %IsTurboFanFunction(f)')(exports.run));
    }`,
    ...flags,
  );

test('the loop is optimized before it has executed anything', () => {
  expect(loop()).toBe('true');
});

test('code that was made with other flags of V8 is not used', () => {
  expect(loop('--no-wasm-bounds-checks')).toBe('none');
});

const CHECKSUM_BYTES = 4;
/** With the checksum that it should have: what only V8 can refuse. */
function sealed(file: Buffer): Buffer {
  file.writeUInt32LE(crc32(file.subarray(CHECKSUM_BYTES)), 0);
  return file;
}
const codeOf = (file: Buffer) => CHECKSUM_BYTES + 4 + file.readUInt32LE(CHECKSUM_BYTES);

test.each([
  ['that ends early', (file: Buffer) => file.subarray(0, file.length - 1)],
  ['with one bit flipped', (file: Buffer) => flipped(file, file.length - 1000)],
  ['of another V8', (file: Buffer) => sealed(flipped(file, codeOf(file) + 4))],
  ['for a processor with other features', (file: Buffer) => sealed(flipped(file, codeOf(file) + 8))],
  ['of another module', () => readFileSync(prebuiltFile(directory, 'code', 'memory'))],
  ['that is no code', () => Buffer.from('no code at all')],
])('a file %s is as good as none', (_, damage) => {
  const file = prebuiltFile(directory, 'code', 'flow');
  const whole = readFileSync(file);
  writeFileSync(file, damage(Buffer.from(whole)));
  expect(loop()).toBe('none');
  writeFileSync(file, whole);
});

function flipped(file: Buffer, at: number): Buffer {
  const copy = Buffer.from(file);
  copy[at] ^= 1;
  return copy;
}
