/** Every image of the corpus: what it is built from and how it ends. build.ts, capture.ts and the tests read this list. */

export interface Image {
  /** Folder under traces/, and file name of the ELF in it. */
  readonly folder: string;
  readonly file: string;
  /** Sources relative to traces/, linked with the start-up code and the library. */
  readonly sources: readonly string[];
  readonly linkerScript: string;
  /** -D names for the image's own sources, not for its payloads. */
  readonly defines: readonly string[];
  /** EL1 payloads, each linked on its own and then carried inside the image. */
  readonly payloads: readonly Payload[];
  /** `off`: PSCI SYSTEM_OFF. `idle`: a WFI that nothing ends. `spins`: runs on for ever, so a recording needs a limit. */
  readonly ends: 'off' | 'idle' | 'spins';
}

export interface Payload {
  readonly name: string;
  readonly sources: readonly string[];
  readonly defines: readonly string[];
}

const library = ['lib/start.S', 'lib/pl011.c', 'lib/print.c', 'lib/psci.c', 'lib/string.c'];

function image(folder: string, sources: string[], more: Partial<Image> = {}): Image {
  return {
    folder,
    file: `${folder.split('/').at(-1)}.elf`,
    sources: [...library, ...sources],
    linkerScript: 'lib/image.ld',
    defines: [],
    payloads: [],
    ends: 'off',
    ...more,
  };
}

const gic = ['lib/gic.c', 'lib/gic_v2.c', 'lib/gic_v3.c'];

const kernel = ['start.S', 'kernel.c', 'memory.c', 'interrupts.c'].map((name) => `hypervisor/guests/${name}`);
const guestLibrary = ['lib/pl011.c', 'lib/print.c', 'lib/psci.c', 'lib/string.c', 'lib/page_table.c'];

function payload(number: 1 | 2, main: string, bugs: readonly string[]): Payload {
  const sources = [...kernel, ...guestLibrary, `hypervisor/guests/${main}`];
  return { name: `guest${number}`, sources, defines: [`GUEST_VA=GUEST_${number}_VA`, ...bugs] };
}

const hypervisorParts = ['vectors.S', 'main.c', 'memory.c', 'scheduler.c', 'traps.c', 'mmio.c', 'panic.c'];
const vgicParts = ['vgic.c', 'vgic_v2.c', 'vgic_v3.c'];
const hypervisorSources = [
  ...[...hypervisorParts, ...vgicParts].map((name) => `hypervisor/${name}`),
  'lib/page_table.c',
  ...gic,
];

type Part = 'hypervisor' | 'guest1' | 'guest2';

/** The hypervisor with its two guests; a crash case is the same with one bug, a -D name, switched on in one part. */
function hypervisor(
  folder: string,
  bug?: { part: Part; define: string },
  ends: Image['ends'] = 'off',
): Image {
  const bugs = (part: Part) => (bug?.part === part ? [bug.define] : []);
  return image(folder, hypervisorSources, {
    linkerScript: 'hypervisor/hypervisor.ld',
    defines: bugs('hypervisor'),
    payloads: [payload(1, 'ledger.c', bugs('guest1')), payload(2, 'journal.c', bugs('guest2'))],
    ends,
  });
}

function crash(name: string, part: Part, define: string, ends: Image['ends'] = 'idle'): Image {
  return hypervisor(`crashes/${name}`, { part, define }, ends);
}

function benchmark(name: string, ...more: string[]): Image {
  return image(`bench/${name}`, [`bench/${name}/main.c`, 'bench/bench.c', 'lib/page_table.c', ...more]);
}

export const images: readonly Image[] = [
  image('hello', ['hello/main.c']),
  image('vectors', ['vectors/main.c', 'vectors/exercise.S', 'vectors/table.S', ...gic]),
  image('virtio-disk', ['virtio-disk/main.c', ...gic]),
  hypervisor('hypervisor'),
  crash('stray-store', 'hypervisor', 'BUG_STRAY_STORE'),
  crash('unmapped-ipa', 'hypervisor', 'BUG_LAST_BLOCK_UNMAPPED'),
  crash('wrong-block', 'hypervisor', 'BUG_WRONG_BLOCK', 'spins'),
  crash('sealed-too-much', 'hypervisor', 'BUG_SEAL_ONE_MORE'),
  crash('stack-leak', 'hypervisor', 'BUG_FRAME_LEAK', 'spins'),
  crash('register-not-saved', 'hypervisor', 'BUG_X18_NOT_SAVED'),
  crash('stack-into-page-table', 'guest1', 'BUG_BIG_LOCAL'),
  crash('corrupted-function-pointer', 'guest1', 'BUG_OFF_BY_ONE'),
  crash('uninitialised-pointer', 'guest1', 'BUG_POINTER_NOT_SET'),
  crash('interrupt-never-ended', 'guest1', 'BUG_NO_EOI', 'spins'),
  crash('missing-tlbi', 'guest2', 'BUG_NO_TLBI'),
  crash('overwritten-return-address', 'guest2', 'BUG_SHORT_BUFFER'),
  benchmark('integer-mix'),
  benchmark('recursion'),
  benchmark('alu-loop'),
  benchmark('memory-copy'),
  benchmark('float-simd', 'bench/float-simd/kernel.simd.c'),
  benchmark('state-machine'),
  benchmark('exits', 'bench/exits/enter.S', 'bench/vectors.S'),
  benchmark('page-faults', 'bench/vectors.S'),
];
