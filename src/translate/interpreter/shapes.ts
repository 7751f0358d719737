/** Finds every shape that a row can have, by running its shape function over the fields that it looks at. */
import type { Fields } from '../../isa/pattern.ts';
import type { Row } from '../../isa/row.ts';

export type Shape = { readonly [name: string]: unknown };

export const shapeKey = (shape: Shape): string => Object.values(shape).join();

const LIMIT = 2 ** 16;

/** Distinct shapes by key, in the order of the fields' values; combinations that are unallocated are left out. */
export function shapesOf(row: Row): Map<string, Shape> {
  const seen = new Set<string>();
  for (;;) {
    const names = [...seen];
    const shapes = new Map<string, Shape>();
    for (const fields of combinations(row, names)) {
      const watched = watch(fields, seen);
      if (row.unallocated?.(watched)) continue;
      const shape = row.shape(watched);
      shapes.set(shapeKey(shape), shape);
    }
    if (seen.size === names.length) return shapes;
  }
}

function* combinations(row: Row, names: readonly string[]): Generator<Fields> {
  const watched = row.pattern.fields.filter(({ name }) => names.includes(name));
  const total = watched.reduce((bits, { width }) => bits + width, 0);
  if (2 ** total > LIMIT) throw new Error(`${row.name}: the shape depends on ${names}, too many combinations`);
  const zero = Object.fromEntries(row.pattern.fields.map(({ name }) => [name, 0]));
  for (let n = 0; n < 2 ** total; n++) {
    const fields: { [name: string]: number } = { ...zero };
    let rest = n;
    for (const { name, width } of watched) {
      fields[name] = rest & (2 ** width - 1);
      rest >>>= width;
    }
    yield fields;
  }
}

/** A view of the fields that notes which ones are read. */
function watch(fields: Fields, seen: Set<string>): Fields {
  return new Proxy(fields, {
    get(target, name: string) {
      seen.add(name);
      return target[name];
    },
  });
}
