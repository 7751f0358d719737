/**
 * Build the corpus with Debian's cross compiler, or check that the committed images are what the sources give.
 *
 *     node traces/build.ts [FOLDER…]           build and replace the committed ELFs
 *     node traces/build.ts --check [FOLDER…]   build elsewhere, compare bit for bit; exit code 1 when one differs
 *
 * Reproducible: no dates, no build id, and paths in the debug information are relative to the top of the repository.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type Image, images, type Payload } from './images.ts';

const traces = import.meta.dirname;
const top = dirname(traces);
const prefix = 'aarch64-linux-gnu-';

/** Code leaves the registers of floating point and Advanced SIMD alone, but for sources named *.simd.c. */
const GENERAL_REGISTERS = '-mgeneral-regs-only';

const compilerFlags = [
  '-std=gnu11',
  '-march=armv8-a',
  GENERAL_REGISTERS,
  '-mstrict-align', // with the MMU off every data access is to Device memory
  '-mno-outline-atomics',
  '-ffreestanding',
  '-fno-pic',
  '-fno-stack-protector',
  '-fno-tree-loop-distribute-patterns', // or memcpy becomes a call of memcpy
  '-fno-asynchronous-unwind-tables',
  '-fno-omit-frame-pointer', // a call stack can be read off x29
  '-fno-common',
  '-ffixed-x18', // the platform register: the guests of the hypervisor keep a pointer in it
  '-Wall',
  '-Wextra',
  '-Werror',
  '-g',
  `-ffile-prefix-map=${top}=.`,
  '-Itraces/lib',
  '-Itraces/hypervisor',
  '-Itraces/bench',
];

function tool(name: string, args: string[]): void {
  const { status } = spawnSync(prefix + name, args, { cwd: top, stdio: ['ignore', 'ignore', 'inherit'] });
  if (status !== 0) process.exit(1); // the tool has said why
}

export function compilerAvailable(): boolean {
  try {
    return execFileSync(`${prefix}gcc`, ['-dumpversion'], { encoding: 'utf8' }).startsWith('12');
  } catch {
    return false;
  }
}

/** Compile sources with some -D names into objects that every image with the same wish shares. */
function compile(
  kind: string,
  sources: readonly string[],
  defines: readonly string[],
  directory: string,
): string[] {
  const objects = join(directory, `${kind}-objects`, ['D', ...defines].join('-'));
  mkdirSync(objects, { recursive: true });
  return sources.map((source) => {
    const object = join(objects, `${source.replaceAll('/', '-')}.o`);
    const options = [`-Itraces/${dirname(source)}`, '-O2', ...defines.map((name) => `-D${name}`)];
    const flags = compilerFlags.filter((flag) => flag !== GENERAL_REGISTERS || !source.endsWith('.simd.c'));
    if (!existsSync(object)) tool('gcc', [...flags, ...options, '-c', `traces/${source}`, '-o', object]);
    return object;
  });
}

/** One relocatable object for a payload; all its symbols become local, so that payloads may share library sources. */
function buildPayload(payload: Payload, work: string, directory: string): string {
  const objects = compile('payload', payload.sources, payload.defines, directory);
  const object = join(work, `${payload.name}.o`);
  tool('ld', ['-r', '-o', object, ...objects]);
  tool('objcopy', ['--wildcard', '--localize-symbol=*', object]);
  return object;
}

/** Build one image under `directory`, and return the path of the ELF. */
export function build(image: Image, directory: string): string {
  const work = join(directory, image.folder);
  mkdirSync(work, { recursive: true });
  const payloads = image.payloads.map((payload) => buildPayload(payload, work, directory));
  const objects = compile('el2', image.sources, image.defines, directory);
  const script = join(work, 'image.ld');
  tool('gcc', ['-E', '-P', '-x', 'c', '-Itraces/lib', `traces/${image.linkerScript}`, '-o', script]);
  const elf = join(work, image.file);
  const linkerFlags = ['-nostdlib', '--build-id=none', '-z', 'max-page-size=4096', '-z', 'noexecstack'];
  tool('ld', [...linkerFlags, '--no-warn-rwx-segments', '-T', script, '-o', elf, ...objects, ...payloads]);
  return elf;
}

/** Build into a scratch directory and call `use` with the new and the committed path of each image. */
export function withBuilt(
  chosen: readonly Image[],
  use: (image: Image, built: string, kept: string) => void,
): void {
  const directory = mkdtempSync(join(tmpdir(), 'hindsight-traces-'));
  try {
    for (const image of chosen) use(image, build(image, directory), join(traces, image.folder, image.file));
  } finally {
    rmSync(directory, { recursive: true });
  }
}

export function identical(built: string, kept: string): boolean {
  return existsSync(kept) && readFileSync(built).equals(readFileSync(kept));
}

if (import.meta.main) {
  const folders = process.argv.slice(2).filter((argument) => argument !== '--check');
  const chosen = images.filter((image) => folders.length === 0 || folders.includes(image.folder));
  const check = process.argv.includes('--check');
  withBuilt(chosen, (image, built, kept) => {
    const same = identical(built, kept);
    if (check && !same) process.exitCode = 1;
    if (!check && !same) {
      mkdirSync(dirname(kept), { recursive: true });
      copyFileSync(built, kept);
    }
    console.log(`${image.folder}/${image.file}: ${same ? 'identical' : check ? 'DIFFERS' : 'rebuilt'}`);
  });
}
