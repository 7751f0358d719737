/** `hindsight diff A B`: where two recordings part. Exit code 0: they are identical; 1: they differ, if only in their images. */
import type { Verb } from '../../src/cli.ts';
import { DisassemblyCache } from '../../src/sql/disassemble.ts';
import { openRecording } from '../../src/trace/recording.ts';
import { symbolsOf } from '../explain/case.ts';
import { type Comparison, compare } from './diff.ts';

const verb: Verb = (program) => {
  program
    .command('diff')
    .description('where two recordings part: the first difference, with what came before it')
    .argument('<a>', 'a recording')
    .argument('<b>', 'another one')
    .option('--json', 'the same facts as JSON')
    .action(async (pathA: string, pathB: string, { json }: { json?: true }) => {
      const [a, b] = [openRecording(pathA), openRecording(pathB)];
      try {
        const comparison = compare(a, b);
        if (json)
          process.stdout.write(
            `${JSON.stringify(comparison, (_key, value: unknown) => (typeof value === 'bigint' ? `0x${value.toString(16)}` : value), 2)}\n`,
          );
        else process.stdout.write(await text(comparison, [a, b]));
        if (comparison.first !== undefined || !comparison.sameImages) process.exitCode = 1;
      } finally {
        a.close();
        b.close();
      }
    });
};
export default verb;

const SIDES = ['A', 'B'] as const;

async function text(comparison: Comparison, recordings: Parameters<typeof symbolsOf>[0][]): Promise<string> {
  const { first, input, recipe, sameImages, ends, before, exits } = comparison;
  if (first === undefined)
    return sameImages
      ? `identical: ${ends[0]}\n`
      : 'the images differ, and nothing that can be seen from outside does\n';
  const disassembly = await DisassemblyCache.load();
  const lines = [
    sameImages
      ? `They part at instruction ${first.icount[0] ?? first.icount[1]}: ${first.where} differs`
      : `They are of different builds. What can be seen from outside first differs in ${first.where}`,
  ];
  for (const [side, name] of SIDES.entries())
    lines.push(
      `  ${name}  ${first.icount[side] ?? ''}  ${first.rows[side] ?? `has no more (${ends[side]})`}`,
    );
  if (input !== undefined && first.where !== 'inputs') {
    lines.push('', 'An input differs before that:');
    for (const [side, name] of SIDES.entries())
      lines.push(`  ${name}  ${input.icount[side] ?? ''}  ${input.rows[side] ?? 'has no more'}`);
  }
  if (recipe.length > 0) {
    lines.push('', 'Their recipes differ:');
    for (const { name, values } of recipe) lines.push(`  ${name}: ${values[0]} in A, ${values[1]} in B`);
  }
  for (const [side, name] of SIDES.entries()) {
    const symbols = symbolsOf(recordings[side]);
    lines.push('', `The last instructions of ${name}:`);
    for (const { icount, pc, pa, word, el } of before[side]) {
      const symbol = symbols.at(pc);
      const where = symbol === undefined ? '' : `${symbol.name}+0x${symbol.offset.toString(16)}`;
      const shown = pa === undefined ? 'not fetched' : disassembly.text(word, pc).disassembly;
      lines.push(`  ${icount}  EL${el}  0x${pc.toString(16)}  ${where.padEnd(28)}  ${shown}`);
    }
  }
  if (exits.length > 0) {
    lines.push('', 'Exits, where their numbers differ:');
    for (const { reason, counts } of exits)
      lines.push(`  ${reason.padEnd(12)} ${counts[0]} in A, ${counts[1]} in B`);
  }
  return `${lines.join('\n')}\n`;
}
