/** Our programs for the guests, built from programs/ with Debian's cross compiler: what runs under KVM, and a numeric check. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cached, runTool } from '../qemu/reference.ts';

const folder = fileURLToPath(new URL('programs/', import.meta.url));
const sources = readdirSync(folder).sort();
const contents = sources.map((name) => readFileSync(folder + name));

/** The same bits wherever it runs: no contraction but where the source says fma. */
const FLAGS = [
  '-std=gnu11',
  '-O2',
  '-march=armv8-a',
  '-ffp-contract=off',
  '-fno-math-errno',
  '-mno-outline-atomics',
  '-Wall',
  '-Wextra',
];
const FREESTANDING = [
  '-ffreestanding',
  '-fno-pic',
  '-fno-stack-protector',
  '-fno-tree-loop-distribute-patterns',
  '-mno-outline-atomics',
];

function compile(args: readonly string[]): void {
  const inFolder = args.map((arg) => (sources.includes(arg) ? folder + arg : arg));
  runTool('aarch64-linux-gnu-gcc', [...FLAGS, ...inFolder], 'gcc-aarch64-linux-gnu');
}

/** Path of a static program that is the first of Linux, and tries the debug registers and performance monitors. */
export const debugProgram = (): string =>
  cached('debug', contents, (path) => compile(['-static', '-Wl,--build-id=none', '-o', path, 'debug.c']));

/** Paths of static programs for Linux: `kvm` runs a guest, `numeric` prints a digest, `digests` those that digests.ts knows. */
export function guestPrograms(): {
  readonly kvm: string;
  readonly numeric: string;
  readonly digests: string;
} {
  const numeric = cached('numeric', contents, (path) =>
    compile(['-static', '-Wl,--build-id=none', '-o', path, 'numeric_main.c', 'numeric.c']),
  );
  const digests = cached('digests', contents, (path) =>
    compile(['-static', '-Wl,--build-id=none', '-o', path, 'digests_main.c', 'digests.c']),
  );
  // The payload is included by its name, from the folder where it is built.
  const kvm = cached('kvm', contents, (path) => {
    const part = (name: string) => `${path}.${name}`;
    const guest = [...FREESTANDING, '-c'];
    compile([...guest, '-mgeneral-regs-only', '-o', part('guest.o'), 'kvm_guest.c']);
    compile([...guest, '-o', part('start.o'), 'kvm_guest.S']);
    compile([...guest, '-o', part('numeric.o'), 'numeric.c']);
    compile([...guest, '-o', part('digests.o'), 'digests.c']);
    const places = [
      '-Wl,--section-start=.start=0x40000000',
      '-Wl,-Ttext=0x40002000',
      '-Wl,-z,max-page-size=4096',
    ];
    const objects = [part('start.o'), part('guest.o'), part('numeric.o'), part('digests.o')];
    compile(['-nostdlib', '-static', '-Wl,--build-id=none', ...places, '-o', part('elf'), ...objects]);
    runTool(
      'aarch64-linux-gnu-objcopy',
      ['-O', 'binary', part('elf'), part('bin')],
      'binutils-aarch64-linux-gnu',
    );
    const payload = [`-DPAYLOAD="${part('bin')}"`, `-I${dirname(path)}`];
    compile([...payload, '-static', '-Wl,--build-id=none', '-o', path, 'kvm_host.c', 'kvm_payload.S']);
  });
  return { kvm, numeric, digests };
}
