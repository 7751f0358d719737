/** The verdict as text: one screen, as a colleague would write it. */
import { describeDescriptor } from '../../src/analysis/descriptor.ts';
import { hex, type Place } from './case.ts';
import type { NoFault, Verdict } from './explain.ts';

const grouped = (n: number) => n.toString().replace(/\B(?=(\d{3})+$)/g, ' ');

function where({ icount, pc, el, symbol, offset, file, line }: Place): string {
  const name =
    symbol === undefined ? hex(pc) : `${symbol}${offset ? `+0x${offset.toString(16)}` : ''} (${hex(pc)})`;
  const source = file === undefined ? '' : `, ${file}:${line}`;
  return `instruction ${grouped(icount)}, EL${el}, ${name}${source}`;
}

function stackLines({ stack }: Place): string[] {
  const shown = stack.slice(0, 6).map(({ name }) => name);
  if (stack.length > shown.length) shown.push(`… ${stack.length - shown.length} more`);
  return stack.length > 1 ? [`    called from  ${shown.slice(1).join(' ← ')}`] : [];
}

export function reportText(verdict: Verdict | NoFault): string {
  if (verdict.kind === undefined) return `No fault was found: ${verdict.ended}.\n`;
  const { symptom, cause, walk } = verdict;
  const lines = [
    `${verdict.kind}: ${verdict.meaning}`,
    '',
    'What happened',
    `    ${symptom.what}`,
    `    ${where(symptom)}`,
    `    ${symptom.disassembly}`,
    ...stackLines(symptom),
    `    ${verdict.ended}`,
  ];
  if (walk !== undefined) {
    lines.push(
      '',
      `The stage ${walk.stage} walk of ${walk.stage === 2 ? `IPA ${hex(walk.ipa ?? 0n)}` : hex(walk.va)}`,
    );
    const first = walk.level - walk.descriptors.length + 1;
    for (const [i, descriptor] of walk.descriptors.entries())
      lines.push(
        `    level ${first + i}  ${hex(walk.addresses[i])}  ${hex(descriptor).padEnd(18)}  ${describeDescriptor(descriptor, first + i, walk.stage).words}`,
      );
    lines.push(`    ${walk.outcome} fault at level ${walk.level}`);
  }
  if (cause !== undefined) {
    lines.push(
      '',
      'Cause',
      `    ${cause.owner && cause.owner !== cause.symbol ? `${cause.owner}: ` : ''}${cause.symbol ?? hex(cause.pc)} ${cause.did}`,
    );
    lines.push(`    ${where(cause)}`, `    ${cause.disassembly}`, ...stackLines(cause));
  }
  if (verdict.because.length > 0)
    lines.push('', 'Why', ...verdict.because.map((sentence) => `    ${sentence}`));
  if (verdict.evidence.length > 0) {
    lines.push('', 'Look for yourself, with hindsight query');
    for (const { sentence, sql } of verdict.evidence) lines.push(`    ${sentence}`, `        ${sql}`);
  }
  return `${lines.join('\n')}\n`;
}

/** As JSON: numbers above 2^53 as hexadecimal text. */
export function reportJson(verdict: Verdict | NoFault): string {
  return `${JSON.stringify(verdict, (_key, value: unknown) => (typeof value === 'bigint' ? hex(value) : value), 2)}\n`;
}
