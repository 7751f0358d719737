/**
 * What is built of Debian's kernel source: the small kernel, and the kernel's own selftests of KVM. Needs gcc-aarch64-linux-gnu and
 * make; the kernel also flex, bison, bc and libssl-dev. Both are GPL-2.0 and are not committed.
 */
import { copyFileSync, cpSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { UserError } from '../../../src/user-error.ts';
import { cpio, directory, executable } from './cpio.ts';

/** Runs a tool in a folder; its output. */
export type RunTool = (name: string, args: readonly string[], folder?: string) => string;

const MAKE = ['ARCH=arm64', 'CROSS_COMPILE=aarch64-linux-gnu-', `-j${availableParallelism()}`];

/** The small kernel: nothing configured but what tiny-kvm.config names. */
export function tinyKernel(source: string, run: RunTool): Uint8Array {
  const settings = fileURLToPath(new URL('tiny-kvm.config', import.meta.url));
  cpSync(settings, join(source, 'arch/arm64/configs/tiny-kvm.config'));
  run('make', [...MAKE, 'allnoconfig', 'tiny-kvm.config'], source);
  run('make', [...MAKE, 'Image'], source);
  return readFileSync(join(source, 'arch/arm64/boot/Image'));
}

/** What is changed in the tests. */
const CHANGES = [
  // rseq_test moves between CPUs a thousand times; it has no switch for less than a hundred thousand.
  { file: 'rseq_test.c', from: '#define NR_TASK_MIGRATIONS 100000', to: '#define NR_TASK_MIGRATIONS 1000' },
  // A VM is dead after its GIC could not be placed (kvm_vgic_map_resources): vgic_init, which tries that, could not clean up after its
  // first part, with EIO, and ended there.
  {
    file: 'lib/kvm_util.c',
    from: '\tvm_ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region->region);',
    to: '\t__vm_ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region->region);',
  },
];

/** Where the archive has the selftests. */
export const SELFTEST_FOLDER = 'selftests';

/** The selftests of KVM for arm64, linked statically: a cpio archive, which Linux unpacks behind another. */
export function kvmSelftests(source: string, run: RunTool): Uint8Array {
  const folder = join(source, 'tools/testing/selftests/kvm');
  // 6.1's stable branch took over tests that need a header and a macro of later kernels.
  const header = 'include/linux/bitfield.h';
  if (!existsSync(join(source, 'tools', header)))
    copyFileSync(join(source, header), join(source, 'tools', header));
  for (const { file, from, to } of CHANGES) {
    const path = join(folder, file);
    const text = readFileSync(path, 'utf8');
    if (!text.includes(from)) throw new UserError(`${path}: has no line "${from.trim()}" to change`);
    writeFileSync(path, text.replace(from, to));
  }
  const flags = ['LDFLAGS=-static', 'EXTRA_CFLAGS=-DTEST_ASSERT_EQ=ASSERT_EQ'];
  run('make', [...MAKE, 'headers'], source);
  run('make', [...MAKE, ...flags], folder);
  const programs = ['aarch64', '.']
    .flatMap((part) => readdirSync(join(folder, part)).map((name) => join(folder, part, name)))
    .filter((path) => existsSync(`${path}.c`))
    .sort((a, b) => (basename(a) < basename(b) ? -1 : 1));
  run('aarch64-linux-gnu-strip', programs);
  return cpio([
    directory(SELFTEST_FOLDER),
    ...programs.map((path) => executable(`${SELFTEST_FOLDER}/${basename(path)}`, readFileSync(path))),
  ]);
}
