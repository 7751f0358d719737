/** What the benchmark runs side by side. Each subject is a command that runs an image from reset to power-off, as its own process. */
import { fileURLToPath } from 'node:url';
import { DEFAULT_RECIPE, type Recipe } from '../../src/machine/recipe.ts';
import { machineArguments } from '../conformance/qemu/reference.ts';
import type { Command } from './process.ts';

export const HINDSIGHT = fileURLToPath(new URL('../../bin/hindsight.js', import.meta.url));
const UNTRACED = fileURLToPath(new URL('start_untraced.js', import.meta.url));

export type Engine = 'regions' | 'interpreter';

export interface Subject {
  readonly name: string;
  /** The arguments for an image; recordings are made in `directory`, which does not exist yet. */
  readonly command: (image: string, directory: string) => Command;
  readonly records: boolean;
}

/** What untraced.ts is told, and what it prints. */
export interface UntracedRun {
  readonly recipe: Recipe;
  readonly engine: Engine;
  /** Ends when the console has printed this. */
  readonly until?: string;
}
export interface UntracedFacts {
  readonly icount: number;
  /** Bytes of guest RAM that were touched. */
  readonly touched: number;
}

export const untracedCommand = (run: UntracedRun): Command => [
  process.execPath,
  UNTRACED,
  JSON.stringify(run),
];

const qemu = (name: string, ...more: string[]): Subject => ({
  name,
  records: false,
  command: (kernel) => ['qemu-system-aarch64', ...machineArguments({ kernel, ramMiB: 1024, gic: 2, more })],
});
const recorded = (detail: string, engine: Engine): Subject => ({
  name: detail,
  records: true,
  command: (image, directory) => [
    process.execPath,
    ...[HINDSIGHT, 'record', image, '-o', directory, '--detail', detail, '--engine', engine, '--quiet'],
  ],
});

/** The subjects by name, in the order in which a round runs them: QEMU, and our machine with one engine. */
export const subjectsOf = (engine: Engine): readonly Subject[] => [
  qemu('qemu'),
  qemu('qemu-icount', '-icount', 'shift=0,sleep=off'),
  {
    name: 'untraced',
    records: false,
    command: (image) => untracedCommand({ recipe: { ...DEFAULT_RECIPE, image }, engine }),
  },
  recorded('flow', engine),
  recorded('memory', engine),
  recorded('full', engine),
];

/** QEMU writing a line for each instruction: a slice of time, not a whole run. */
export const QEMU_TRACE = 'qemu-trace';
/** Every figure is against the first; the second tells how many instructions there were. */
export const NEEDED = ['qemu', 'untraced'];
/** What runs unless it is named: all but the level of detail that takes the longest. */
export const USUAL = ['qemu', 'qemu-icount', 'untraced', 'flow', 'memory', QEMU_TRACE];
export const SUBJECTS = [...USUAL, 'full'];
