import { expect, it } from 'vitest';
import type { Access } from '../../src/isa/emitter.ts';
import { assemble } from '../../src/isa/pattern.ts';
import { ROWS } from '../../src/isa/table.ts';
import { accessKind } from '../../src/sql/access_kinds.ts';
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
  const nowhere = { redirected: false } as never;
  const flow = { atom: () => {}, target: () => {} };
  new Evaluator(state, memory, nowhere, flow).execute(word);
  return made;
}

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
        const text = kind && Array(kind.count).fill(`${kind.store ? 'store' : 'load'} ${kind.size}`);
        expect(`${name} ${accessesOf(word)}`).toBe(`${name} ${text}`);
      }
});
