/** hindsight record IMAGE: runs an image and records everything. */

import { arch, cpus, release } from 'node:os';
import { basename } from 'node:path';
import type { Command } from 'commander';
import { parseDrive } from '../machine/disk/drive.ts';
import { readInputFile } from '../machine/input_file.ts';
import { DEFAULT_RECIPE, type Recipe } from '../machine/recipe.ts';
import { formatTime, grouped, parseCount, parseSize, parseTime } from '../quantities.ts';
import { committedIn } from '../trace/committed_size.ts';
import { ConsoleOutput } from '../trace/console_output.ts';
import type { EndReason, RecordSummary, Until } from '../trace/flight_recorder.ts';
import { BytesInput, InputAfterText } from '../trace/input_source.ts';
import { ProgressLine } from '../trace/progress_line.ts';
import { TerminalInput } from '../trace/terminal_input.ts';
import { WallClockPace } from '../trace/wall_clock_pace.ts';
import { startWriter } from '../trace/writer_thread.ts';
import { TranslatorThread } from '../translate/region/translator_thread.ts';
import { UserError } from '../user-error.ts';

interface Options {
  readonly output?: string;
  readonly ram: string;
  readonly gic: string;
  readonly smp: string;
  readonly el: string;
  readonly cpu: string;
  readonly initrd?: string;
  readonly append?: string;
  readonly dtb?: string;
  readonly bios?: string;
  readonly kernel?: string;
  readonly load: string[];
  readonly module: string[];
  readonly drive: string[];
  readonly net?: true;
  readonly rng?: string;
  readonly virtioConsole?: true;
  readonly virtio: string;
  readonly symbols: string[];
  readonly input?: string;
  readonly inputAfter?: string;
  readonly interactive?: true;
  readonly until: string[];
  readonly detail: string;
  readonly engine: string;
  readonly semihosting?: true;
  readonly quiet?: true;
}

const DETAILS = ['flow', 'memory', 'full'] as const;
const SUMMARIES: { readonly [K in EndReason]: string } = {
  idle: 'the guest waits for something that never comes',
  'power off': 'the guest switched the machine off',
  reset: 'the guest reset the machine',
  'semihosting exit': 'the guest ended by semihosting',
  memory: 'the guest touched more RAM than this recorder holds',
  lockup: 'the exception vector cannot be fetched: nothing more can happen',
  limit: 'what --until says was reached',
  interrupted: 'you interrupted it',
};

const collect = (value: string, before: string[]) => [...before, value];

export default function addRecord(program: Command): void {
  program
    .command('record')
    .summary('run an image and record everything')
    .description(
      'Run an unmodified image on the machine and record every instruction, exception, walk and access.',
    )
    .argument('[image]', "ELF file or Linux Image, also gzip'd; - is standard input")
    .option('-o, --output <dir>', 'the recording (default: the name of the image with .hs)')
    .option('--ram <size>', 'size of RAM', '1G')
    .option('--gic <version>', 'interrupt controller: 2 or 3', '2')
    .option('--smp <n>', 'number of CPUs', '1')
    .option('--el <level>', 'exception level to start in: 1 or 2', '2')
    .option('--cpu <name>', 'CPU model', DEFAULT_RECIPE.cpu)
    .option('--initrd <file>', 'initial ramdisk of a Linux Image')
    .option('--append <text>', 'kernel command line')
    .option('--dtb <file>', 'device tree, instead of the generated one')
    .option('--kernel <file>', 'the image, said as QEMU has it')
    .option('--bios <file>', 'firmware, in the flash at address 0')
    .option('--load <file@address>', 'put a file into RAM (may be given again)', collect, [])
    .option(
      '--drive <file[,options]>',
      'virtio disk: format=raw|qcow2, readonly=on, serial=TEXT; the file is never written (may be given again)',
      collect,
      [],
    )
    .option('--net', 'virtio network: a gateway that answers ARP, DHCP and ping; nothing leaves the host')
    .option('--rng <seed>', 'virtio entropy source, whose bytes follow from the seed')
    .option('--virtio-console', 'virtio console, which gets the input')
    .option('--virtio <interface>', "virtio-mmio: legacy (QEMU's default) or modern", 'legacy')
    .option('--symbols <elf>', 'name addresses by this ELF file too (may be given again)', collect, [])
    .option(
      '--module <what>',
      'a module for Xen: kernel=FILE[,addr=A][,bootargs=TEXT] or initrd=FILE[,addr=A] (may be given again)',
      collect,
      [],
    )
    .option('--input <file>', 'console input; - is standard input')
    .option('--input-after <text>', 'the input begins when the guest has printed this: its prompt')
    .option('--interactive', 'connect the terminal to the console; Ctrl-] ends')
    .option(
      '--until <when>',
      'stop at icount=10M, time=1.5s or console=TEXT (may be given again)',
      collect,
      [],
    )
    .option('--detail <level>', `how much: ${DETAILS.join(', ')}`, 'memory')
    .option('--engine <name>', 'what executes: regions or interpreter; the recording is the same', 'regions')
    .option('--semihosting', 'HLT #0xF000 is a semihosting call')
    .option('-q, --quiet', 'print neither the console nor a summary')
    .action(async (image: string | undefined, options: Options) => {
      await run(image, options);
    });
}

async function run(argument: string | undefined, options: Options): Promise<void> {
  if (argument !== undefined && options.kernel !== undefined)
    throw new UserError(`--kernel ${options.kernel}: the image is ${argument} already: name one`);
  const image = argument ?? options.kernel;
  const detail = oneOf('--detail', options.detail, DETAILS);
  const engine = oneOf('--engine', options.engine, ['regions', 'interpreter'] as const);
  if (image === undefined && options.bios === undefined && options.load.length === 0)
    throw new UserError(
      'name an image to record, firmware with --bios, or load one with --load FILE@ADDRESS',
    );
  if (options.input && options.interactive)
    throw new UserError('--input and --interactive exclude each other');
  if (options.inputAfter && !options.input)
    throw new UserError(`--input-after ${options.inputAfter}: goes with --input`);
  const recipe: Recipe = {
    ...DEFAULT_RECIPE,
    ram: parseSize('--ram', options.ram),
    gic: Number(oneOf('--gic', options.gic, ['2', '3'])) as 2 | 3,
    smp: parseCount('--smp', options.smp, '2'),
    el: Number(oneOf('--el', options.el, ['1', '2'])) as 1 | 2,
    cpu: options.cpu,
    semihosting: options.semihosting === true,
    ...(image === undefined ? {} : { image }),
    ...(options.initrd === undefined ? {} : { initrd: options.initrd }),
    ...(options.append === undefined ? {} : { append: options.append }),
    ...(options.dtb === undefined ? {} : { dtb: options.dtb }),
    ...(options.bios === undefined ? {} : { bios: options.bios }),
    ...(options.load.length > 0 ? { load: options.load } : {}),
    ...(options.module.length > 0 ? { modules: options.module } : {}),
    ...(options.drive.length > 0 ? { drives: options.drive.map(parseDrive) } : {}),
    ...(options.net ? { net: true } : {}),
    ...(options.rng === undefined ? {} : { rng: options.rng }),
    ...(options.virtioConsole ? { virtioConsole: true } : {}),
    ...(oneOf('--virtio', options.virtio, ['legacy', 'modern']) === 'modern' ? { virtio: 2 as const } : {}),
    ...(options.symbols.length > 0 ? { symbols: options.symbols } : {}),
  };
  const directory = options.output ?? `${nameOf(image ?? options.bios ?? options.load[0])}.hs`;
  const interrupt = new AbortController();
  const onSignal = () => interrupt.abort();
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  const terminal = options.interactive ? new TerminalInput(process.stdin, onSignal) : undefined;
  const file = options.input === undefined ? undefined : new BytesInput(readInputFile(options.input));
  const delayed =
    file && options.inputAfter !== undefined ? new InputAfterText(file, options.inputAfter) : undefined;
  const until = parseUntil(options.until);
  const progress = progressLine(options, directory, until);
  const output = new ConsoleOutput(process.stdout, (byte) => progress?.printing(byte));
  const started = performance.now();
  // Its thread starts while this one loads what makes a machine.
  const writer = startWriter(directory);
  const translator = new TranslatorThread();
  try {
    const { record } = await import('../trace/flight_recorder.ts');
    const summary = await record({
      recipe,
      directory,
      writer,
      detail,
      engine,
      translator,
      until,
      input: terminal ?? delayed ?? file,
      ...(terminal && { pace: new WallClockPace() }),
      onConsole: (byte) => {
        delayed?.printed(byte);
        if (!options.quiet) output.print(byte);
      },
      outputCaughtUp: () => output.caughtUp(interrupt.signal),
      onProgress: (now) => {
        output.flush();
        progress?.update(now);
      },
      // It would translate on, beside the threads that compress.
      onGuestStopped: () => void translator.close(),
      signal: interrupt.signal,
      host: hostFacts(),
    });
    output.flush();
    progress?.clear();
    if (!options.quiet) report(directory, summary, (performance.now() - started) / 1000);
  } finally {
    // Where no recording came about.
    void writer.worker.terminate();
    void translator.close();
    terminal?.close();
    process.off('SIGINT', onSignal);
    process.off('SIGTERM', onSignal);
  }
}

function oneOf<T extends string>(option: string, value: string, allowed: readonly T[]): T {
  const found = allowed.find((candidate) => candidate === value);
  if (!found) throw new UserError(`${option} ${value}: must be one of ${allowed.join(', ')}`);
  return found;
}

const nameOf = (file: string): string =>
  file === '-' ? 'recording' : basename(file.replace(/@[^@]*$/, '')).replace(/\.(elf|gz|bin)$/i, '');

function parseUntil(conditions: readonly string[]): Until {
  const until: { icount?: number; timeNs?: number; console?: string } = {};
  for (const condition of conditions) {
    const [, name, value] = /^(icount|time|console)=(.+)$/s.exec(condition) ?? [];
    if (name === 'icount') until.icount = parseCount('--until icount=', value);
    else if (name === 'time') until.timeNs = parseTime('--until time=', value);
    else if (name === 'console') until.console = value;
    else throw new UserError(`--until ${condition}: write icount=10M, time=1.5s or console=TEXT`);
  }
  return until;
}

function hostFacts() {
  return {
    date: new Date().toISOString(),
    node: process.version,
    platform: `${process.platform} ${release()} ${arch()}`,
    cpus: cpus().length,
  };
}

/** None where the guest has the screen, or nothing is to be said. */
function progressLine({ quiet, interactive }: Options, directory: string, until: Until) {
  if (quiet || interactive) return undefined;
  return new ProgressLine({
    stream: process.stderr,
    sharesTerminal: process.stderr.isTTY && process.stdout.isTTY,
    until,
    committed: committedIn(directory),
    now: () => performance.now(),
  });
}

function report(directory: string, { reason, icount, timeNs }: RecordSummary, seconds: number): void {
  const speed = icount / seconds / 1e6;
  process.stderr.write(
    `${directory}: ${grouped(icount)} instructions, ${formatTime(timeNs)} of guest time, ended because ${SUMMARIES[reason]}; ` +
      `${seconds.toFixed(1)} s, ${speed.toFixed(1)} million instructions a second\n`,
  );
}
