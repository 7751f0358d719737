/** Every image of the corpus: what it is built from and how it ends. build.ts, capture.ts and the tests read this list. */

export interface Image {
  /** Folder under traces/, and file name of the ELF in it. */
  readonly folder: string;
  readonly file: string;
  /** Sources relative to traces/, linked with the start-up code and the library. */
  readonly sources: readonly string[];
  readonly linkerScript: string;
  readonly optimise: '-O1' | '-O2';
  /** -D names: the planted bug of a crash case. */
  readonly defines: readonly string[];
  /** EL1 payloads, each linked on its own and then carried inside the image. */
  readonly payloads: readonly Payload[];
  /** `off`: PSCI SYSTEM_OFF. `hang`: runs on for ever, so whoever runs it needs a deadline. */
  readonly ends: 'off' | 'hang';
}

export interface Payload {
  readonly name: string;
  readonly sources: readonly string[];
  /** -D names, besides those of the image. */
  readonly defines: readonly string[];
}

const library = ['lib/start.S', 'lib/pl011.c', 'lib/print.c', 'lib/psci.c', 'lib/string.c'];

function image(folder: string, sources: string[], more: Partial<Image> = {}): Image {
  return {
    folder,
    file: `${folder.split('/').at(-1)}.elf`,
    sources: [...library, ...sources],
    linkerScript: 'lib/image.ld',
    optimise: '-O2',
    defines: [],
    payloads: [],
    ends: 'off',
    ...more,
  };
}

const gic = ['lib/gic.c', 'lib/gic_v2.c', 'lib/gic_v3.c'];

const kernel = ['start.S', 'kernel.c', 'memory.c', 'interrupts.c'].map((name) => `hypervisor/guests/${name}`);
const guestLibrary = ['lib/pl011.c', 'lib/print.c', 'lib/psci.c', 'lib/string.c', 'lib/page_table.c'];

function payload(number: 1 | 2, main: string): Payload {
  const sources = [...kernel, ...guestLibrary, `hypervisor/guests/${main}`];
  return { name: `guest${number}`, sources, defines: [`GUEST_VA=GUEST_${number}_VA`] };
}

const hypervisorParts = ['vectors.S', 'main.c', 'memory.c', 'scheduler.c', 'traps.c', 'mmio.c', 'panic.c'];
const vgicParts = ['vgic.c', 'vgic_v2.c', 'vgic_v3.c'];
const hypervisorSources = [
  ...[...hypervisorParts, ...vgicParts].map((name) => `hypervisor/${name}`),
  'lib/page_table.c',
  ...gic,
];

/** The hypervisor with its two guests; a crash case is the same with one bug switched on. */
function hypervisor(folder: string, more: Partial<Image> = {}): Image {
  const payloads = [payload(1, 'ledger.c'), payload(2, 'journal.c')];
  return image(folder, hypervisorSources, { linkerScript: 'hypervisor/hypervisor.ld', payloads, ...more });
}

export const images: readonly Image[] = [
  image('hello', ['hello/main.c']),
  image('vectors', ['vectors/main.c', 'vectors/exercise.S', 'vectors/table.S', ...gic]),
  hypervisor('hypervisor'),
];
