import { expect, test } from 'vitest';
import { ROWS } from '../../src/isa/table.ts';
import { inLoop } from '../../src/translate/interpreter/handlers.ts';
import { RARE_ROWS } from '../../src/translate/interpreter/rare_rows.ts';

test('every rare instruction is a row of the base instructions, and none is in the loop', () => {
  const rows = new Map(ROWS.map((row) => [row.name, row]));
  const wrong = [...RARE_ROWS].filter((name) => {
    const row = rows.get(name);
    return row?.feature !== 'base' || !row.execute || inLoop(row);
  });
  expect(wrong).toEqual([]);
});
