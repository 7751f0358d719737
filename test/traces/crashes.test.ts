import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { images } from '../../traces/images.ts';

/** expected.json: what `explain` has to find. icounts are null until they have been measured. */
interface Verdict {
  kind: string;
  description: string;
  cause: { part: string; symbol: string; file: string; line: number; text: string; icount: number | null };
  fault: { part: string; symbol: string; what: string; icount: number | null };
  ends: string;
  until?: number;
}

const top = join(import.meta.dirname, '../..');
const cases = images.filter((image) => image.folder.startsWith('crashes/'));

test.each(cases.map((image) => [image.folder, image] as const))(
  "%s has a verdict that points at a line of today's sources and at symbols of its image",
  (folder, image) => {
    const verdict: Verdict = JSON.parse(readFileSync(join(top, 'traces', folder, 'expected.json'), 'utf8'));
    const { file, line, text } = verdict.cause;
    expect(readFileSync(join(top, file), 'utf8').split('\n')[line - 1].trim()).toBe(text);
    const elf = readFileSync(join(top, 'traces', folder, image.file));
    for (const symbol of [verdict.cause.symbol, verdict.fault.symbol])
      expect(elf.includes(`${symbol}\0`), symbol).toBe(true);
    expect(verdict.ends).toBe(image.ends);
    expect(verdict.until === undefined, 'a recording of a guest that spins needs a limit').toBe(
      image.ends !== 'spins',
    );
  },
);
