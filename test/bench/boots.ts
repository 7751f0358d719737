/**
 * Linux from reset to its shell's prompt: QEMU untraced, our machine untraced and recording, each as its own process on the same kernel,
 * command line, initramfs and device tree. QEMU's time ends when the prompt is on its console, ours when the process has ended,
 * which for a recording is when all of it is on the disk.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { DEFAULT_RECIPE, type Recipe } from '../../src/machine/recipe.ts';
import { guestFile, INITRAMFS, TINY_KERNEL } from '../conformance/guests/guests.ts';
import { compileDeviceTree, deviceTreeSource, machineArguments } from '../conformance/qemu/reference.ts';
import type { Figure } from './figures.ts';
import { bytesOnDisk, type Command, run } from './process.ts';
import { median, speedUp } from './statistics.ts';
import { type Engine, HINDSIGHT, type UntracedFacts, untracedCommand } from './subjects.ts';

/** What busybox's shell says when it asks. */
const PROMPT = '/ # ';
const APPEND = 'console=ttyAMA0 cryptomgr.notests';
const RAM_MIB = 1024;
const GIC = 2;

/** A guest, and what issue 5 allows it: times QEMU's untraced wall time, at most. */
export interface BootWorkload {
  readonly name: string;
  readonly kernel: string;
  readonly untraced: number;
  readonly flow: number;
}

export const BOOTS: readonly BootWorkload[] = [
  { name: 'tiny-linux', kernel: TINY_KERNEL, untraced: 1.5, flow: 2 },
  { name: 'debian', kernel: 'vmlinuz-cloud', untraced: 1, flow: 1.5 },
];
/** Bytes an instruction on disk, of Debian; and MB of host memory. */
const DEBIAN_FLOW_BYTES = 0.1;
const DEBIAN_MEMORY_BYTES = 0.8;
const HOST_MB = 600;

export interface BootMeasurement {
  readonly guest: UntracedFacts;
  /** Of every recording's bytes, those that are a copy of the kernel and the other files it was given. */
  readonly imageBytes: number;
  readonly subjects: ReadonlyMap<
    string,
    { readonly seconds: number[]; readonly cpuSeconds: number[]; peakBytes: number; diskBytes: number }
  >;
}

/** In the order in which a round runs them. */
function bootSubjects(recipe: Recipe, engine: Engine, directory: string): Map<string, Command> {
  const { image, initrd, append, dtb } = recipe;
  const guest = {
    kernel: image!,
    initrd: initrd!,
    append: append!,
    deviceTree: dtb!,
    ramMiB: RAM_MIB,
    gic: GIC,
  } as const;
  const record = (detail: string): Command =>
    [
      ...[
        process.execPath,
        HINDSIGHT,
        'record',
        '--kernel',
        image!,
        '--initrd',
        initrd!,
        '--append',
        append!,
      ],
      ...['--dtb', dtb!, '--ram', `${RAM_MIB}M`, '--gic', String(GIC), '--until', `console=${PROMPT}`],
      ...['--detail', detail, '--engine', engine, '--quiet', '-o', directory],
    ] as unknown as Command;
  return new Map<string, Command>([
    ['qemu', ['qemu-system-aarch64', ...machineArguments(guest)]],
    ['untraced', untracedCommand({ recipe, engine, until: PROMPT })],
    ['flow', record('flow')],
    ['memory', record('memory')],
  ]);
}

export async function measureBoot(
  { kernel }: BootWorkload,
  { rounds, engine, scratch }: { rounds: number; engine: Engine; scratch: string },
): Promise<BootMeasurement> {
  const directory = join(scratch, 'boot.hs');
  const recipe: Recipe = {
    ...DEFAULT_RECIPE,
    ...{ image: guestFile(kernel), initrd: guestFile(INITRAMFS), append: APPEND, gic: GIC },
    ram: RAM_MIB * 2 ** 20,
    dtb: compileDeviceTree(deviceTreeSource(`min-gicv${GIC}`)),
  };
  const subjects: Map<
    string,
    { seconds: number[]; cpuSeconds: number[]; peakBytes: number; diskBytes: number }
  > = new Map();
  let guest: UntracedFacts = { icount: 0, touched: 0 };
  let imageBytes = 0;
  for (let round = 0; round < rounds; round++)
    for (const [name, command] of bootSubjects(recipe, engine, directory)) {
      try {
        const { seconds, cpuSeconds, peakBytes, output } = await run(
          command,
          name === 'qemu' ? PROMPT : undefined,
        );
        const sums = subjects.get(name) ?? { seconds: [], cpuSeconds: [], peakBytes: 0, diskBytes: 0 };
        subjects.set(name, sums);
        sums.seconds.push(seconds);
        sums.cpuSeconds.push(cpuSeconds);
        sums.peakBytes = Math.max(sums.peakBytes, peakBytes);
        if (name === 'untraced') guest = JSON.parse(output) as UntracedFacts;
        else if (name !== 'qemu') {
          sums.diskBytes = bytesOnDisk(directory);
          imageBytes = bytesOnDisk(join(directory, 'images'));
        }
      } finally {
        rmSync(directory, { recursive: true, force: true });
      }
    }
  return { guest, imageBytes, subjects };
}

/** Wall time against QEMU's: 2 is twice as long. */
const times = ({ subjects }: BootMeasurement, name: string) =>
  speedUp(subjects.get('qemu')!.seconds, subjects.get(name)!.seconds);

export function bootLines(name: string, measurement: BootMeasurement): string[] {
  const { guest, subjects } = measurement;
  const cells = (values: readonly string[]) => values.map((value) => value.padStart(13)).join('');
  const qemu = subjects.get('qemu')!;
  return [
    `\n${name}: ${(guest.icount / 1e6).toFixed(1)} million instructions to the prompt, ${(guest.touched / 1e6).toFixed(0)} MB of RAM touched`,
    `${'subject'.padEnd(12)}${cells(['s', '× QEMU’s', '×, CPU', 'B/instr', 'peak MB'])}`,
    ...[...subjects].map(([subject, { seconds, cpuSeconds, peakBytes, diskBytes }]) => {
      const beyond = subject === 'qemu' ? '-' : ((peakBytes - guest.touched) / 1e6).toFixed(0);
      return `${subject.padEnd(12)}${cells([
        median(seconds).toFixed(2),
        times(measurement, subject).toFixed(2),
        speedUp(qemu.cpuSeconds, cpuSeconds).toFixed(2),
        diskBytes === 0 ? '-' : (diskBytes / guest.icount).toFixed(4),
        beyond,
      ])}`;
    }),
  ];
}

/** Issue 5's table. */
export function bootFigures(boots: ReadonlyMap<string, BootMeasurement>): Figure[] {
  const speeds = BOOTS.flatMap(({ name, untraced, flow }): Figure[] => {
    const boot = boots.get(name);
    return [
      {
        ...{ figure: `${name} to its shell, untraced, × QEMU’s time`, better: 'less', floor: untraced },
        value: boot && times(boot, 'untraced'),
      },
      {
        ...{ figure: `${name} to its shell, flow, × QEMU’s time`, better: 'less', floor: flow },
        value: boot && times(boot, 'flow'),
      },
    ];
  });
  const debian = boots.get('debian');
  const bytes = (detail: string) => debian && debian.subjects.get(detail)!.diskBytes / debian.guest.icount;
  const peaks = [...boots.values()].flatMap(({ guest, subjects }) =>
    ['flow', 'memory'].map((detail) => (subjects.get(detail)!.peakBytes - guest.touched) / 1e6),
  );
  return [
    ...speeds,
    { figure: 'debian, flow, B/instr', better: 'less', floor: DEBIAN_FLOW_BYTES, value: bytes('flow') },
    { figure: 'debian, memory, B/instr', better: 'less', floor: DEBIAN_MEMORY_BYTES, value: bytes('memory') },
    {
      ...{ figure: 'debian, flow, B/instr, but for the copy of its images', better: 'less' },
      value: debian && bytes('flow')! - debian.imageBytes / debian.guest.icount,
    },
    {
      ...{ figure: 'host memory beyond the guest’s, worst, MB', better: 'less', floor: HOST_MB },
      value: peaks.length === 0 ? undefined : Math.max(...peaks),
    },
  ];
}
