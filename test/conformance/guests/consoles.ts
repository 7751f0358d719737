/** What a guest prints in QEMU, and what of it may differ. */
import { writeFileSync } from 'node:fs';
import { Machine } from '../../../src/machine/machine.ts';
import { parseRawLoad } from '../../../src/machine/raw.ts';
import type { Recipe } from '../../../src/machine/recipe.ts';
import { cached, ICOUNT, machineArguments, startQemu } from '../qemu/reference.ts';

/** A text, and how often it is printed before a guest is at its end. */
export interface LastWords {
  readonly text: string;
  readonly times: number;
}

/** The console up to them; all of it where they are not there, or `words` is absent. */
export function upTo(console: string, words?: LastWords): string {
  if (!words) return console;
  const parts = console.split(words.text);
  return parts.slice(0, words.times).join(words.text);
}

/** The console of QEMU 7.2 under its instruction count, until the guest ends or has said its last words. */
export async function qemuConsole(recipe: Recipe, deadline: number, words?: LastWords): Promise<string> {
  const { image, bios, initrd, append, load = [], gic, smp, ram, cpu, modules = [] } = recipe;
  // Modules are in our own device tree only, which QEMU's board fits too.
  const boot = modules.length > 0 ? new Machine({ recipe }).boot : undefined;
  const loaded = (boot?.loads ?? [])
    .filter(({ name }) => name.endsWith(' module'))
    .map(({ file, address }) => ({ file: file!, address }));
  const tree = boot ? treeFile(boot.deviceTree!.bytes) : recipe.dtb;
  const machine = {
    ...{ kernel: image, initrd, append, deviceTree: tree, gic, smp, ramMiB: ram / 2 ** 20, cpu },
    load: [...load.map(parseRawLoad), ...loaded],
    ...(bios ? { more: ['-bios', bios] } : {}),
  };
  const { child, end } = startQemu([...machineArguments(machine), ...ICOUNT], deadline);
  let printed = '';
  child.stdout!.on('data', (chunk: Buffer) => {
    printed += chunk.toString('latin1');
    if (words && printed.split(words.text).length > words.times) child.kill('SIGKILL');
  });
  await end;
  return printed;
}

const treeFile = (bytes: Uint8Array) =>
  cached('modules.dtb', [Buffer.from(bytes)], (path) => writeFileSync(path, bytes));

/**
 * Lines that may differ, and why. Nothing else is removed but the times in front of a kernel's lines.
 *
 * - QEMU says that there is AArch32 at EL0 and EL1, this machine has none (docs/qemu-differences.md).
 */
const NOISE = new RegExp(
  [
    'CPU features: detected: 32-bit EL[01] Support',
    'setend (emulation handler|instruction emulation)',
    // Xen prints the identification registers.
    String.raw`^\(XEN\) +(Processor|Debug|Auxiliary|Memory Model|ISA) Features:`,
    String.raw`^\(XEN\) +(Exception Levels|Instruction Sets|Extensions):`,
    String.raw`^\(XEN\) +[0-9a-f]{16}([ :][0-9a-f]{16})+$`,
    String.raw`^\(XEN\) 32-bit Execution:`,
  ].join('|'),
);
const TIME = /\[ *\d+\.\d{6}\] ?/;

/** What kernel threads on several CPUs print when they get to it: compared behind everything else. */
const ANYWHERE = /^(audit: type=2000 audit|Freeing initrd memory)/;

/**
 * The lines of a console up to its last words, without noise, those of each domain of Xen by themselves: the domains take turns by their
 * time, of which a probe for AArch32 takes some.
 */
export function comparableLines(console: string, words?: LastWords): string[] {
  const domainOf = (line: string) => Number(/^\(XEN\) DOM(\d+): /.exec(line)?.[1] ?? 0);
  const lines = upTo(console, words)
    .split(/\r*\n/)
    .map((line) => line.replace(TIME, ''))
    .filter((line) => !NOISE.test(line))
    .sort((a, b) => domainOf(a) - domainOf(b));
  return [
    ...lines.filter((line) => !ANYWHERE.test(line)),
    ...lines.filter((line) => ANYWHERE.test(line)).sort(),
  ];
}
