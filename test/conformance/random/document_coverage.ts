/**
 * docs/coverage.md, from the instruction table and from what campaigns ran clean (the folder coverage). Write it with
 *
 *     node test/conformance/random/document_coverage.ts
 */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Row } from '../../../src/isa/row.ts';
import { allCoverage, type ClassCoverage, type Coverage } from './coverage_file.ts';
import { CLASS_NAMES, ENCODING_CLASSES, type EncodingClass, rowsOfClass } from './encoding_classes.ts';
import { TESTED_CPUS, targetOf } from './target.ts';

export const DOCUMENT = fileURLToPath(new URL('../../../docs/coverage.md', import.meta.url));

const INTRODUCTION = `# What the instruction table covers, and what compared it

Written by \`node test/conformance/random/document_coverage.ts\`, from the instruction table in src/isa and from the counts of
campaigns in test/conformance/random/coverage. Do not edit it.

**The table** has a row for every A64 encoding that objdump 2.40 knows. objdump reads each of them as the table does, with 400 random
settings of its fields for each of five seeds (\`npm run conformance -- objdump\`); for implemented rows that includes registers, width and
constants. A row without a meaning is UNDEFINED on every CPU model, and the identification registers say so.

**A stream** is a dozen random instructions, most of them of one class, each with what must stand before it (an address, a branch
target), from a random state: corner cases of floating point in the vector registers, any rounding mode, FZ, DN, AHP and FZ16, addresses
that are unaligned, cross pages and fault, at EL0, EL1 and EL2, with and without stage 1, stage 2 and VHE. QEMU 7.2 executes it, and each
of our back ends: the interpreter, the evaluator (BigInts, no WebAssembly) and, in every fourth image, regions too, where every stream
runs twice from two states. Compared after each stream: X0 to X30, the stack pointers, PSTATE, FPCR, FPSR, V0 to V31, two sums over all
memory that it can reach, and ESR, ELR, FAR, SPSR and HPFAR of every exception. What is left out of the streams because QEMU 7.2 does not
follow the manual is in [qemu-differences.md](qemu-differences.md).

**Clean** means without a single difference. \`npm run conformance:random -- --cpu NAME --class NAME --seed SEED --streams STREAMS
--rounds ROUNDS --once\` makes one image again; the first image of a process and every fourth after it have two rounds.`;

/** Sources of the known-answer vectors in the unit suite, by feature. */
const VECTORS: { readonly [feature: string]: string } = {
  AES: 'FIPS 197',
  PMULL: 'NIST SP 800-38D',
  SHA1: 'FIPS 180-4',
  SHA256: 'FIPS 180-4',
  SHA512: 'FIPS 180-4',
  SHA3: 'FIPS 202',
  SM3: 'GB/T 32905',
  SM4: 'GB/T 32907',
};

interface RowCount {
  completed: number;
  redirected: number;
}

const thousands = (n: number) => String(n).replace(/\B(?=(\d{3})+$)/g, ',');

/** All files together: what was executed of each row on each CPU, and the campaigns of each class. */
function summed(all: readonly Coverage[]) {
  const rows = new Map<string, RowCount>();
  const classes: { cpu: string; name: string; coverage: ClassCoverage }[] = [];
  for (const file of all) {
    for (const [cpu, ofCpu] of Object.entries(file.rows))
      for (const [name, [completed, redirected]] of Object.entries(ofCpu)) {
        const key = `${cpu} ${name}`;
        const count = rows.get(key) ?? { completed: 0, redirected: 0 };
        rows.set(key, count);
        count.completed += completed;
        count.redirected += redirected;
      }
    for (const [cpu, ofCpu] of Object.entries(file.classes))
      for (const [name, coverage] of Object.entries(ofCpu)) classes.push({ cpu, name, coverage });
  }
  return { rows, classes };
}

function classTable(classes: ReturnType<typeof summed>['classes']): string[] {
  const lines = [
    '| class | rows | implemented | streams clean | of these in regions | on |',
    '| --- | ---: | ---: | ---: | ---: | --- |',
  ];
  for (const name of CLASS_NAMES) {
    const rows = rowsOfClass(name);
    const ours = classes.filter((one) => one.name === name);
    const sum = (of: (coverage: ClassCoverage) => number) =>
      thousands(ours.reduce((total, { coverage }) => total + of(coverage), 0));
    const on = TESTED_CPUS.flatMap((cpu) => {
      const streams = ours
        .filter((one) => one.cpu === cpu)
        .reduce((total, { coverage }) => total + coverage.streams, 0);
      return streams ? [`${cpu} ${thousands(streams)}`] : [];
    });
    const implemented = rows.filter(({ execute }) => execute).length;
    lines.push(
      `| ${ENCODING_CLASSES[name]} | ${rows.length} | ${implemented} | ${sum(({ streams }) => streams)} | ${sum(({ inRegions }) => inRegions)} | ${on.join(', ')} |`,
    );
  }
  return lines;
}

function campaignTable(classes: ReturnType<typeof summed>['classes']): string[] {
  const lines = [
    '| CPU | class | streams an image | units a stream | seeds | commits |',
    '| --- | --- | ---: | ---: | --- | --- |',
  ];
  const order = (name: string) => CLASS_NAMES.indexOf(name as EncodingClass);
  const sorted = [...classes].sort((a, b) =>
    a.cpu < b.cpu ? -1 : a.cpu > b.cpu ? 1 : order(a.name) - order(b.name),
  );
  for (const { cpu, name, coverage } of sorted) {
    const { image, length, seeds, commits } = coverage;
    const ranges = seeds.map(([first, last]) => `${first} to ${last}`).join(', ');
    lines.push(`| ${cpu} | ${name} | ${image} | ${length} | ${ranges} | ${commits.join(', ')} |`);
  }
  return lines;
}

/** Executions on each CPU that has the row: completed, and with a plus those that ended in an exception or its return. */
function comparedWith(row: Row, rows: ReadonlyMap<string, RowCount>): string[] {
  return TESTED_CPUS.map((cpu) => {
    const count = rows.get(`${cpu} ${row.name}`);
    if (!count) return '';
    const { completed, redirected } = count;
    return redirected ? `${thousands(completed)} + ${thousands(redirected)}` : thousands(completed);
  });
}

export function coverageDocument(all: readonly Coverage[] = allCoverage()): string {
  const { rows, classes } = summed(all);
  const lines = [INTRODUCTION, '', ...classTable(classes), '', '## Campaigns', '', ...campaignTable(classes)];
  for (const name of CLASS_NAMES) {
    lines.push('', `## ${ENCODING_CLASSES[name]}`, '');
    lines.push(
      'Times that a comparison with QEMU 7.2 executed the row on each CPU: completed, and after a plus those that ended in an exception',
      '(or in its return). On a CPU without the feature the row is UNDEFINED, there and here.',
      '',
      `| row | feature | implemented | ${TESTED_CPUS.join(' | ')} | also |`,
      `| --- | --- | --- | ${TESTED_CPUS.map(() => '---:').join(' | ')} | --- |`,
    );
    for (const row of rowsOfClass(name)) {
      const also = ['objdump', ...(row.execute && VECTORS[row.feature] ? [VECTORS[row.feature]] : [])];
      const implemented = row.execute ? 'yes' : row.name === 'UDF' ? 'UNDEFINED' : 'no';
      lines.push(
        `| ${row.name} | ${row.feature} | ${implemented} | ${comparedWith(row, rows).join(' | ')} | ${also.join(', ')} |`,
      );
    }
  }
  return `${lines.join('\n')}\n`;
}

/** Implemented rows that some tested CPU has and no campaign completed: what the page must not have. */
export function neverCompared(all: readonly Coverage[] = allCoverage()): string[] {
  const { rows } = summed(all);
  const present = new Set(TESTED_CPUS.flatMap((cpu) => targetOf(cpu).rows));
  return [...present]
    .filter(({ name }) => !TESTED_CPUS.some((cpu) => rows.has(`${cpu} ${name}`)))
    .map(({ name }) => name);
}

if (import.meta.main) writeFileSync(DOCUMENT, coverageDocument());
