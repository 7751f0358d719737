/**
 * Encoding patterns with named fields.
 *
 * A pattern is 32 bits written from bit 31 down to bit 0: literal runs of `0` and `1`, and fields
 * `name:width`. Blanks separate the parts. Example, ADD (immediate):
 *
 *     sf:1 00 100010 sh:1 imm12:12 rn:5 rd:5
 */

/** The field names of a pattern literal, so that a misspelt field does not compile. */
export type FieldsOf<P extends string> = P extends `${infer Head} ${infer Tail}`
  ? FieldOf<Head> | FieldsOf<Tail>
  : FieldOf<P>;
type FieldOf<Part extends string> = Part extends `${infer Name}:${number}` ? Name : never;

/** The field values of one instruction, unsigned, by name. */
export type Fields<Name extends string = string> = { readonly [K in Name]: number };

/** Where a field stands: bits [low+width-1 : low] of the instruction word. */
export interface FieldPosition {
  readonly name: string;
  readonly low: number;
  readonly width: number;
}

export interface Pattern {
  /** The pattern as written. */
  readonly text: string;
  /** Bits that are literal (unsigned 32 bits), and their values. */
  readonly mask: number;
  readonly value: number;
  readonly fields: readonly FieldPosition[];
}

export function parsePattern(text: string): Pattern {
  let bit = 32;
  let mask = 0;
  let value = 0;
  const fields: FieldPosition[] = [];
  // Every start reads some thousand patterns: regular expressions would take it twice as long.
  for (const part of text.trim().split(/\s+/)) {
    const isLiteral = part.startsWith('0') || part.startsWith('1');
    const colon = part.indexOf(':');
    const width = isLiteral ? part.length : Number(part.slice(colon + 1));
    const digits = isLiteral ? Number(`0b${part}`) : 0;
    if (Number.isNaN(width + digits)) throw new Error(`pattern "${text}": cannot read "${part}"`);
    bit -= width;
    if (isLiteral) {
      mask |= (2 ** width - 1) << bit;
      value |= digits << bit;
    } else fields.push({ name: part.slice(0, colon), low: bit, width });
  }
  if (bit !== 0) throw new Error(`pattern "${text}" has ${32 - bit} bits, not 32`);
  return { text, mask: mask >>> 0, value: value >>> 0, fields };
}

/** Extracts every field of `pattern` from the instruction word. */
export function extractFields(pattern: Pattern, word: number): Fields {
  const values: Record<string, number> = {};
  for (const { name, low, width } of pattern.fields) values[name] = (word >>> low) & (-1 >>> (32 - width));
  return values;
}

/** The instruction word with the given field values; fields that are missing are zero. */
export function assemble(pattern: Pattern, fields: { readonly [name: string]: number }): number {
  let word = pattern.value;
  for (const { name, low, width } of pattern.fields) word |= ((fields[name] ?? 0) & (2 ** width - 1)) << low;
  return word >>> 0;
}
