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
