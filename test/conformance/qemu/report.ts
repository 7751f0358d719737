/** The text of a comparison: the figure, the first divergence with its context, the console's difference. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Comparison, Divergence } from './comparison.ts';
import { runTool } from './reference.ts';
import { stateDifferences, stateOf } from './state.ts';

/** Disassembles words with Debian's objdump, each at its own address. */
export function disassemble(words: readonly { pc: bigint; opcode: number }[]): string[] {
  const directory = mkdtempSync(join(tmpdir(), 'hindsight-disassembly-'));
  try {
    const file = join(directory, 'code.bin');
    writeFileSync(file, new Uint8Array(Uint32Array.from(words, ({ opcode }) => opcode).buffer));
    const text = runTool(
      'aarch64-linux-gnu-objdump',
      ['-D', '-z', '-b', 'binary', '-m', 'aarch64', file],
      'binutils-aarch64-linux-gnu',
    ).toString();
    const lines = [...text.matchAll(/^\s*([0-9a-f]+):\t[0-9a-f]{8} \t(.*)$/gm)];
    return words.map(({ pc }, i) => {
      const line = lines.find((match) => Number.parseInt(match[1], 16) === 4 * i);
      if (!line) return '?';
      // objdump printed branch targets relative to the file: move them to where the word stands.
      return line[2]
        .replace(/\t/g, ' ')
        .replace(/0x([0-9a-f]+)$/, (whole, target) =>
          /^(b|bl|b\..*|cbn?z|tbn?z|adrp?|ldr|ldrsw|prfm) /.test(line[2].replace(/\t/g, ' ')) &&
          !line[2].includes('[')
            ? `0x${(BigInt(`0x${target}`) - BigInt(4 * i) + pc).toString(16)}`
            : whole,
        );
    });
  } finally {
    rmSync(directory, { recursive: true });
  }
}

const hex = (value: bigint) => `0x${value.toString(16)}`;

function changes(before: Uint32Array | undefined, now: Uint32Array): string {
  if (!before) return '';
  return stateDifferences(before, now)
    .filter(({ name }) => name !== 'pc')
    .map(({ name, subject }) => `${name}=${hex(subject)}`)
    .join(' ');
}

function context(divergence: Divergence): string[] {
  const { reference, subject, icount } = divergence;
  const states = reference.map(stateOf);
  const text = disassemble(states);
  const step = reference.length;
  return states.flatMap((state, i) => {
    const number = String(icount - (step - 1 - i)).padStart(12);
    const last = i === step - 1;
    const lines = [
      `${number}  ${hex(state.pc)}  ${text[i].padEnd(36)}${last ? '<- QEMU is here' : `  ${changes(reference[i], reference[i + 1])}`}`,
    ];
    if (last) {
      const ours = stateOf(subject[i]);
      if (ours.pc !== state.pc) lines.push(`${number}  ${hex(ours.pc)}  <- the machine is here`);
      if (i > 0) lines.push(`              the machine changed: ${changes(subject[i - 1], subject[i])}`);
    }
    return lines;
  });
}

/** The first byte at which the consoles part, with the line around it. */
function consoleDifference({ console: { reference, subject } }: Comparison): string | undefined {
  const length = Math.min(reference.length, subject.length);
  let at = 0;
  while (at < length && reference[at] === subject[at]) at++;
  if (at === reference.length && at === subject.length) return undefined;
  const around = (bytes: Uint8Array) =>
    JSON.stringify(Buffer.from(bytes.subarray(Math.max(0, at - 40), at + 40)).toString('latin1'));
  return `consoles part at byte ${at}: QEMU ${around(reference)}, machine ${around(subject)}`;
}

export function reportComparison(comparison: Comparison): string {
  const { commonPrefix, referenceLength, divergence, ending, idle } = comparison;
  const lines = [
    `common prefix: ${commonPrefix} instructions${commonPrefix === referenceLength ? ', all that QEMU attempted' : ''}`,
  ];
  if (divergence) {
    lines.push(`first divergence before instruction ${divergence.icount}:`);
    for (const { name, reference, subject } of divergence.differences)
      lines.push(`  ${name.padEnd(6)} QEMU ${hex(reference)}  machine ${hex(subject)}`);
    lines.push(...context(divergence));
  }
  if (idle) lines.push('both idle for ever');
  if (ending) lines.push(ending);
  // After a divergence, or when QEMU was cut off, only the common part of the consoles says anything.
  const difference = consoleDifference(comparison);
  if (difference && !divergence && !ending) lines.push(difference);
  else if (!difference) lines.push(`consoles are identical, ${comparison.console.reference.length} bytes`);
  return lines.join('\n');
}
