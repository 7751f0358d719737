import { expect, test } from 'vitest';
import { ROWS } from '../../src/isa/table.ts';
import { HandlerFunctions } from '../../src/translate/interpreter/handler_functions.ts';
import { inLoop } from '../../src/translate/interpreter/handlers.ts';
import { RARE_ROWS } from '../../src/translate/interpreter/rare_rows.ts';
import { shapesOf } from '../../src/translate/interpreter/shapes.ts';

test('every rare instruction is a row of the base instructions, and none is in the loop', () => {
  const rows = new Map(ROWS.map((row) => [row.name, row]));
  const wrong = [...RARE_ROWS].filter((name) => {
    const row = rows.get(name);
    return row?.feature !== 'base' || !row.execute || inLoop(row);
  });
  expect(wrong).toEqual([]);
});

test('every rare instruction can be a function: none branches or appends to the flow', () => {
  const functions = new HandlerFunctions('full', 0);
  for (const row of ROWS)
    if (RARE_ROWS.has(row.name))
      for (const shape of shapesOf(row).values()) expect(() => functions.familyOf(row, shape)).not.toThrow();
});
