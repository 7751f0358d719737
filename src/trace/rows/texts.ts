import { KEPT_TEXTS, MOST_TEXTS } from './layout.ts';

/** The codes of a column's texts: small numbers, by which rows name them. The function of the table makes dictionaries of them. */
export class Texts {
  readonly #codes = new Map<string, number>();
  readonly #texts: string[] = [];
  /** The texts of the last rows, the last one first: they are often those of the next. */
  #lastText = '';
  #lastCode = -1;
  #earlierText = '';
  #earlierCode = -1;

  /** A text has the same code until `forget`, and for ever if it is among the first KEPT_TEXTS. */
  codeOf(text: string): number {
    if (text === this.#lastText && this.#lastCode >= 0) return this.#lastCode;
    let code =
      text === this.#earlierText && this.#earlierCode >= 0 ? this.#earlierCode : this.#codes.get(text);
    if (code === undefined) {
      code = this.#texts.length;
      if (code === MOST_TEXTS) throw new Error(`more than ${MOST_TEXTS} texts in an epoch`);
      this.#codes.set(text, code);
      this.#texts.push(text);
    }
    this.#earlierText = this.#lastText;
    this.#earlierCode = this.#lastCode;
    this.#lastText = text;
    this.#lastCode = code;
    return code;
  }

  textOf(code: number): string {
    return this.#texts[code];
  }

  /** Guests can make texts without end: those beyond the first KEPT_TEXTS last as long as an epoch. */
  forget(): void {
    for (const text of this.#texts.splice(KEPT_TEXTS)) this.#codes.delete(text);
    this.#lastCode = -1;
    this.#earlierCode = -1;
  }
}
