/** Fills decoded records from instruction words. */
import { SLOT_SP } from '../../cpu/state.ts';
import type { Feature, Row } from '../../isa/row.ts';
import { RowTree } from '../../isa/row_tree.ts';
import { ORDERED_ROWS } from '../../isa/table.ts';
import { type WordFields, WordFieldsOfPatterns } from '../../isa/word_fields.ts';
import { RECORD_OPERANDS } from '../layout.ts';
import { HANDLER_UNDEFINED } from './dispatch_loop.ts';
import type { HandlerFunctions } from './handler_functions.ts';
import { type HandlerFamily, type InterpreterModule, inLoop } from './handlers.ts';
import { FamilyForm } from './record_form.ts';
import { shapeKey } from './shapes.ts';
import { isOnVectors } from './state_digest.ts';

/** What was learnt of words is forgotten when it is so much: a guest may execute any words. */
const MOST_LEARNT = 65_536;

interface Candidate {
  readonly row: Row;
  readonly source: WordFields;
  readonly forms: Map<string, FamilyForm>;
}

/** Words that agree in all bits that tell classes apart, and what was learnt of them. */
interface Leaf {
  readonly candidates: readonly Candidate[];
  /** Bits that decided about a row and its shape so far: words that are equal there are decided alike. */
  mask: number;
  /** By these bits; undefined: no row that is implemented. */
  readonly known: Map<number, FamilyForm | undefined>;
  /** The last one of them, which is most often the next one too. */
  last: FamilyForm | undefined;
  lastBits: number;
}

export class RecordDecoder {
  readonly #u8: Uint8Array;
  readonly #u16: Uint16Array;
  readonly #i32: Int32Array;
  readonly #families: InterpreterModule['families'];
  readonly #functions: HandlerFunctions;
  readonly #tree: RowTree<Leaf>;
  readonly #candidates = new Map<Row, Candidate>();
  readonly #fields = new WordFieldsOfPatterns();
  readonly #leaves: Leaf[] = [];
  #learnt = 0;

  /** `features` of the CPU; absent: every row exists. */
  constructor(
    state: ArrayBufferLike,
    module: InterpreterModule,
    functions: HandlerFunctions,
    features?: ReadonlySet<Feature>,
  ) {
    this.#u8 = new Uint8Array(state);
    this.#u16 = new Uint16Array(state);
    this.#i32 = new Int32Array(state);
    this.#families = module.families;
    this.#functions = functions;
    const exist = features ? ORDERED_ROWS.filter(({ feature }) => features.has(feature)) : ORDERED_ROWS;
    this.#tree = new RowTree(exist, (rows) => this.#leafOf(rows));
  }

  /**
   * Writes the record at `address` (memory 0) for the instruction `word` at byte offset `pageOffset` of its page. An
   * unallocated encoding, or one that is not implemented, gets the handler for UNDEFINED.
   */
  write(address: number, word: number, pageOffset: number): void {
    const leaf = this.#tree.leafOf(word);
    let form = leaf.last;
    if (form === undefined || (word & leaf.mask) !== leaf.lastBits) {
      form = leaf.known.get(word & leaf.mask) ?? this.#formOf(leaf, word);
      leaf.last = form;
      leaf.lastBits = word & leaf.mask;
    }
    // The handler last: a record is either whole or still to be decoded.
    if (form) this.#u16[address >>> 1] = form.write(this.#u8, this.#i32, address, word, pageOffset);
    else {
      // Asked for by the digest.
      this.#u8[address + RECORD_OPERANDS] = isOnVectors(word) ? 1 : 0;
      this.#u16[address >>> 1] = HANDLER_UNDEFINED;
    }
  }

  #leafOf(rows: readonly Row[]): Leaf {
    const candidates = rows.map((row) => {
      let candidate = this.#candidates.get(row);
      if (!candidate) {
        candidate = { row, source: this.#fields.of(row.pattern), forms: new Map() };
        this.#candidates.set(row, candidate);
      }
      return candidate;
    });
    const leaf: Leaf = { candidates, mask: 0, known: new Map(), last: undefined, lastBits: 0 };
    this.#leaves.push(leaf);
    return leaf;
  }

  #formOf(leaf: Leaf, word: number): FamilyForm | undefined {
    if (leaf.known.has(word & leaf.mask)) return undefined;
    let form: FamilyForm | undefined;
    for (const candidate of leaf.candidates) {
      const { row, source } = candidate;
      const { mask, value } = row.pattern;
      leaf.mask |= mask;
      if (((word ^ value) & mask) !== 0) continue;
      source.word = word;
      source.seen = 0;
      const matches = !row.unallocated?.(source.fields);
      if (matches && row.execute) form = this.#familyForm(candidate, word);
      leaf.mask |= source.seen;
      if (matches) break;
    }
    if (this.#learnt++ === MOST_LEARNT) {
      this.#learnt = 1;
      for (const { known } of this.#leaves) known.clear();
    }
    leaf.known.set(word & leaf.mask, form);
    return form;
  }

  #familyForm({ row, source, forms }: Candidate, word: number): FamilyForm {
    const shape = row.shape(source.fields);
    const key = shapeKey(shape);
    let form = forms.get(key);
    if (!form) {
      let family: HandlerFamily | undefined = this.#families.get(row)?.get(key);
      if (!family && inLoop(row))
        throw new Error(`${row.name} ${word.toString(16)}: no handler for its shape`);
      family ??= this.#functions.familyOf(row, shape);
      form = new FamilyForm(row, source, family);
      forms.set(key, form);
    }
    return form;
  }
}

if (SLOT_SP !== 31) throw new Error('the stack pointer stands in slot 31');
