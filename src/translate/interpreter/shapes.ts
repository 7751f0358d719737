/** Finds every shape that a row can have, by running its shape function over the fields that it looks at. */
import type { Fields } from '../../isa/pattern.ts';
import type { Row } from '../../isa/row.ts';

export type Shape = { readonly [name: string]: unknown };

export function shapeKey(shape: Shape): string {
  let key = '';
  for (const name in shape) key += `${shape[name]},`;
  return key;
}

const LIMIT = 2 ** 16;

/** Registers can only matter to a shape by being equal to each other, by being 31, or (of a jump) by being X16 or X17. */
const REGISTER_VALUES = [0, 1, 16, 31];

/**
 * Distinct shapes by key, in the order of the fields' values. A combination that is unallocated is left out when the fields
 * that the shape looks at already say so; others cost a handler that no instruction ever reaches.
 */
export function shapesOf(row: Row): Map<string, Shape> {
  const values: { [name: string]: number } = {};
  for (const { name } of row.pattern.fields) values[name] = 0;
  const seen = new Set<string>();
  const watched = watch(values, seen);
  for (;;) {
    const names = new Set(seen);
    const shapes = new Map<string, Shape>();
    for (const _ of combinations(row, values, names)) {
      const shape = row.shape(watched);
      const key = shapeKey(shape);
      if (!shapes.has(key) && !isUnallocated(row, values, names)) shapes.set(key, shape);
    }
    if (seen.size === names.size) return shapes;
  }
}

/** Names of the fields that the shape looks at for these values. */
export function shapeFields(row: Row, fields: Fields): ReadonlySet<string> {
  const seen = new Set<string>();
  row.shape(watch(fields, seen));
  return seen;
}

function isUnallocated(row: Row, values: Fields, decided: ReadonlySet<string>): boolean {
  if (!row.unallocated) return false;
  const looked = new Set<string>();
  return row.unallocated(watch(values, looked)) && [...looked].every((name) => decided.has(name));
}

/** Sets `values` to one combination after another of the fields in `names`; the others stay zero. */
function* combinations(
  row: Row,
  values: { [name: string]: number },
  names: ReadonlySet<string>,
): Generator<void> {
  const axes = row.pattern.fields
    .filter(({ name }) => names.has(name))
    .map(({ name, width }) => ({
      name,
      choices:
        /^[rv][dnmast]2?$/.test(name) && width === 5
          ? REGISTER_VALUES
          : Array.from({ length: 2 ** width }, (_, n) => n),
    }));
  const total = axes.reduce((product, { choices }) => product * choices.length, 1);
  if (total > LIMIT)
    throw new Error(`${row.name}: the shape depends on ${[...names]}, too many combinations`);
  for (let n = 0; n < total; n++) {
    let rest = n;
    for (const { name, choices } of axes) {
      values[name] = choices[rest % choices.length];
      rest = Math.floor(rest / choices.length);
    }
    yield;
  }
}

/** A view of the fields that notes which ones are read. Getters: a Proxy costs five times as much, and some rows have 2^14 values. */
function watch(fields: Fields, seen: Set<string>): Fields {
  const view = {};
  for (const name of Object.keys(fields))
    Object.defineProperty(view, name, {
      get: () => {
        seen.add(name);
        return fields[name];
      },
    });
  return view as Fields;
}
