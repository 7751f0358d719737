import { expect, it } from 'vitest';
import type { Access } from '../../src/isa/emitter.ts';
import { assemble } from '../../src/isa/pattern.ts';
import { ROWS } from '../../src/isa/table.ts';
import { type AccessKind, accessKind } from '../../src/sql/access_kinds.ts';
import { Evaluator } from '../../src/translate/evaluator.ts';
import { LittleMachine } from '../translate/evaluator_machine.ts';

/** The accesses that the semantics make. */
function accessesOf(word: number): string[] {
  const made: string[] = [];
  const { state } = new LittleMachine();
  const note = (kind: string, { bytes }: Access) => made.push(`${kind} ${bytes}`);
  const memory = {
    load: (access: Access) => {
      note('load', access);
      return 0n;
    },
    store: (access: Access) => {
      note('store', access);
      return true;
    },
    probeStore: () => true,
  };
  const nowhere = { redirected: false, autda: () => 0n, autdb: () => 0n } as never;
  const flow = { atom: () => {}, target: () => {} };
  new Evaluator(state, memory, nowhere, flow).execute(word);
  return made;
}

const textOf = ({ count, loads, size }: AccessKind): string =>
  Array.from({ length: count }, (_, i) => `${i < loads ? 'load' : 'store'} ${size}`).join();

const rows = ROWS.filter(
  ({ name, execute, pattern }) =>
    execute && /^(ST|LD)[A-Z]?\w*$/.test(name) && pattern.fields.some(({ name: f }) => f === 'vt'),
);

it('is what the meaning of recorded addresses is taken from, for every load and store of SIMD registers', () => {
  expect(rows.length).toBeGreaterThan(170);
  for (const { name, pattern, unallocated } of rows)
    for (const q of [0, 1])
      for (const size of [0, 1, 2, 3]) {
        const fields = {
          q,
          size: /sngl_16/.test(name) ? size & 1 : size,
          rm: 3,
          rn: 2,
          vt: 30,
          option: 3,
          vt2: 4,
        };
        if (unallocated?.(fields)) continue;
        const word = assemble(pattern, fields);
        const kind = accessKind(word);
        expect(`${name} ${accessesOf(word)}`).toBe(`${name} ${kind && textOf(kind)}`);
      }
});

const extended = ROWS.filter(
  ({ name, feature, execute }) => execute && (/^(LSE|LRCPC2?|LOR)$/.test(feature) || /^LDRA[AB]/.test(name)),
);

it('and for every atomic, release-consistent and authenticated load and store', () => {
  expect(extended.length).toBeGreaterThan(190);
  for (const { name, pattern } of extended) {
    const word = assemble(pattern, { rs: 4, rn: 2, rt: 6, sbo: 31, sbo2: 31 });
    expect(`${name} ${accessesOf(word)}`).toBe(`${name} ${textOf(accessKind(word)!)}`);
  }
});
