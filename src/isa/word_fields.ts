/** The fields of an instruction word, taken from it when they are looked at: to find out a handful of values, no object is made. */
import type { Fields, Pattern } from './pattern.ts';

export class WordFields {
  /** By name; of the word in `word`. */
  readonly fields: Fields;
  word = 0;
  /** Bits of the word that were looked at: a function of `fields` gives the same for every word that is the same in these. */
  seen = 0;

  constructor({ fields }: Pattern) {
    const view = {};
    for (const { name, low, width } of fields) {
      const mask = -1 >>> (32 - width);
      const get = () => {
        this.seen |= mask << low;
        return (this.word >>> low) & mask;
      };
      Object.defineProperty(view, name, { get, enumerable: true });
    }
    this.fields = view as Fields;
  }
}

/** One for all patterns that have the same fields at the same places: functions that rows share see few kinds of objects. */
export class WordFieldsOfPatterns {
  readonly #known = new Map<string, WordFields>();

  of(pattern: Pattern): WordFields {
    let key = '';
    for (const { name, low, width } of pattern.fields) key += `${name}:${low}:${width} `;
    let fields = this.#known.get(key);
    if (!fields) {
      fields = new WordFields(pattern);
      this.#known.set(key, fields);
    }
    return fields;
  }
}
