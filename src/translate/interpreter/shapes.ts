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

/** Registers can only matter to a shape by being equal to each other, or 31. */
const REGISTER_VALUES = [0, 1, 31];

function* combinations(row: Row, names: readonly string[]): Generator<Fields> {
  const axes = row.pattern.fields
    .filter(({ name }) => names.includes(name))
    .map(({ name, width }) => ({
      name,
      values: /^r[dnmast]2?$/.test(name) ? REGISTER_VALUES : Array.from({ length: 2 ** width }, (_, n) => n),
    }));
  const total = axes.reduce((product, { values }) => product * values.length, 1);
  if (total > LIMIT) throw new Error(`${row.name}: the shape depends on ${names}, too many combinations`);
  const zero = Object.fromEntries(row.pattern.fields.map(({ name }) => [name, 0]));
  for (let n = 0; n < total; n++) {
    const fields: { [name: string]: number } = { ...zero };
    let rest = n;
    for (const { name, values } of axes) {
      fields[name] = values[rest % values.length];
      rest = Math.floor(rest / values.length);
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
