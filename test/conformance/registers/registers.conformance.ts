import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { modelNamed } from '../../../src/cpu/models/models.ts';
import { operationAt } from '../../../src/cpu/sysregs/operations.ts';
import { genericName } from '../../../src/cpu/sysregs/row.ts';
import { registerAt } from '../../../src/cpu/sysregs/table.ts';
import { Machine } from '../../../src/machine/machine.ts';
import { DEFAULT_RECIPE } from '../../../src/machine/recipe.ts';
import { RunLoop } from '../../../src/machine/run_loop.ts';
import { cached, runTool } from '../qemu/reference.ts';

const here = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const FLAGS = [
  ...['-O2', '-mgeneral-regs-only', '-ffreestanding', '-nostdlib', '-fno-pie', '-no-pie', '-mstrict-align'],
  ...['-Wl,--build-id=none', '-Wl,-Ttext=0x40100000'],
];
/** Ten seconds each alone; a machine that does other things besides may take long. */
const SECONDS = 900;

function probe(): string {
  const sources = [here('start.S'), here('probe.c')];
  return cached(
    'registers.elf',
    sources.map((path) => readFileSync(path)),
    (path) => runTool('aarch64-linux-gnu-gcc', [...FLAGS, '-o', path, ...sources], 'gcc-aarch64-linux-gnu'),
  );
}

function inQemu(cpu: string): string {
  const machine = ['-M', 'virt,virtualization=on,gic-version=3', '-cpu', cpu, '-m', '256M', '-net', 'none'];
  const args = [...machine, '-display', 'none', '-serial', 'stdio', '-monitor', 'none', '-kernel', probe()];
  return runTool(
    'timeout',
    ['-s', 'KILL', String(SECONDS), 'qemu-system-aarch64', ...args],
    'qemu-system-arm',
  ).toString();
}

function inMachine(cpu: string): string {
  const bytes: number[] = [];
  const machine = new Machine({
    recipe: { ...DEFAULT_RECIPE, image: probe(), cpu, gic: 3, ram: 2 ** 28 },
    onConsole: (byte) => bytes.push(byte),
  });
  const loop = new RunLoop(machine);
  let stopped = loop.settle();
  while (!stopped && machine.time.icount < 2e8)
    stopped = loop.runPacket(loop.beginPacket(), Number.MAX_SAFE_INTEGER);
  expect(stopped).toBe('power off');
  return Buffer.from(bytes).toString();
}

/** What each line of probe.c is about, with the name of its encoding, and its result. */
function parse(output: string): Map<string, string> {
  const results = new Map<string, string>();
  for (const line of output.replaceAll('\r', '').trim().split('\n')) {
    const words = line.split(' ');
    const keys = words[0] === 'b' ? 4 : words[0] === 'v' ? 5 : 3;
    const encoding = Number.parseInt(words[keys - 1], 16);
    const name = registerAt(encoding)?.name ?? operationAt(encoding)?.name ?? genericName(encoding);
    results.set(`${words.slice(0, keys).join(' ')} ${name}`, words.slice(keys).join(' '));
  }
  return results;
}

/** Where QEMU 7.2 differs from the Arm ARM, or a model's mask says so. docs/qemu-differences.md. */
const EXPLAINED: readonly { readonly line: RegExp; readonly why: string }[] = [
  { line: /^b .* DC ZVA$/, why: 'DC ZVA to Device memory, as all memory is here, is an alignment fault' },
  { line: /^b .* (FAR_EL[12]|S3_5_C6_C0_0)$/, why: 'the address of that fault' },
  { line: /^b .* PAR_EL1$/, why: 'QEMU makes Device memory non-shareable' },
  {
    line: /^(b (guest|tge) 2[RW]|w 2) \w+ S3_5_/,
    why: 'QEMU has the names with EL12 and EL02 with E2H 0 too',
  },
  { line: /^w . c230 ICC_PMR_EL1$/, why: 'QEMU keeps RES0 bits of ICC_PMR_EL1' },
  { line: /^w . \w+ CNT(P|V|HP|HV)_CTL_EL[02]$/, why: 'ISTATUS, by when the timer was set' },
  { line: /^v \w+ HCR_EL2\.20 /, why: 'QEMU lacks HCR_EL2.TIDCP' },
  { line: /^v \w+ MDCR_EL2\.5 /, why: 'QEMU lacks MDCR_EL2.TPMCR' },
  { line: /^v \w+ MDCR_EL2\.6 0/, why: 'QEMU forgets MDCR_EL2.TPM where PMUSERENR_EL0 lets EL0 in' },
  { line: /^v \w+ MDSCR_EL1\.12 0R /, why: 'QEMU lacks MDSCR_EL1.TDCC' },
  { line: /^v \w+ CNTHCTL_EL2\.[01] 0R \w+ CNTPCT_EL0$/, why: 'QEMU looks at EL1PCEN instead of EL1PCTEN' },
  { line: / SCXTNUM_EL[01]$/, why: 'QEMU looks at SCTLR_EL2.TSCXT for guests, and traps a host' },
];

describe.each([
  { cpu: 'cortex-a57', qemu: 'cortex-a57', lines: 1900 },
  { cpu: 'neoverse-n1', qemu: 'neoverse-n1', lines: 3900 },
  { cpu: 'max', qemu: 'max,sve=off,sme=off', lines: 6000 },
])('system registers of $cpu', ({ cpu, qemu, lines }) => {
  it(
    'read, write and trap as in QEMU at each level, for guests, hosts and each control bit',
    () => {
      const theirs = parse(inQemu(qemu));
      const ours = parse(inMachine(cpu));
      expect(theirs.size).toBeGreaterThan(lines);
      const masked = modelNamed(cpu).masks.map(({ register }) => register);
      const differences: string[] = [];
      for (const key of new Set([...theirs.keys(), ...ours.keys()])) {
        if (theirs.get(key) === ours.get(key)) continue;
        if (masked.includes(key.split(' ').at(-1)!) || EXPLAINED.some(({ line }) => line.test(key))) continue;
        differences.push(`${key}: ${ours.get(key) ?? 'not there'}, QEMU ${theirs.get(key) ?? 'not there'}`);
      }
      expect(differences).toEqual([]);
    },
    2000 * SECONDS,
  );
});
