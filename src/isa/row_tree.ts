/**
 * Finds the few rows that an instruction word can belong to: bits 31..21 tell most classes apart, bits 15..10 the opcodes below them.
 * What a leaf is made of its rows is the caller's. Leaves are made when first asked for: a guest's code has a tenth of the classes.
 */
import type { Row } from './row.ts';

// Bits 28..25 are the Arm ARM's main groups (C4.1): so a class is looked for among a few dozen rows.
const GROUP_MASK = 0x1e00_0000;
const CLASS_MASK = 0xffe0_0000;
const OPCODE_MASK = 0x0000_fc00;
/** A class with so few rows is searched without its second level. */
const FEW = 3;
/** In place of a leaf's number: the class has a second level. */
const DEEPER = -1;

const couldMatch = (rows: readonly Row[], word: number, mask: number): readonly Row[] =>
  rows.filter(({ pattern }) => ((word ^ pattern.value) & pattern.mask & mask) === 0);

export class RowTree<Leaf> {
  readonly #rows: readonly Row[];
  readonly #leafOf: (rows: readonly Row[]) => Leaf;
  readonly #groups: (readonly Row[] | undefined)[] = Array.from({ length: 2 ** 4 });
  /** Numbers of leaves, 0 where there is none yet; by class, and by class and opcode. */
  readonly #classes = new Int32Array(2 ** 11);
  readonly #opcodes = new Int32Array(2 ** 17);
  readonly #leaves: Leaf[] = [];

  /** Of `rows`, in this order. */
  constructor(rows: readonly Row[], leafOf: (rows: readonly Row[]) => Leaf) {
    this.#rows = rows;
    this.#leafOf = leafOf;
  }

  /** Of the rows whose pattern the word may match. */
  leafOf(word: number): Leaf {
    const ofClass = word >>> 21;
    let leaf = this.#classes[ofClass];
    if (leaf === DEEPER) leaf = this.#opcodes[(ofClass << 6) | ((word >>> 10) & 0x3f)];
    return leaf > 0 ? this.#leaves[leaf - 1] : this.#add(word);
  }

  #add(word: number): Leaf {
    const group = (word & GROUP_MASK) >>> 25;
    this.#groups[group] ??= couldMatch(this.#rows, word, GROUP_MASK);
    const inClass = couldMatch(this.#groups[group], word, CLASS_MASK);
    const ofClass = word >>> 21;
    const few = inClass.length <= FEW;
    const leaf = this.#leafOf(few ? inClass : couldMatch(inClass, word, OPCODE_MASK));
    const number = this.#leaves.push(leaf);
    this.#classes[ofClass] = few ? number : DEEPER;
    if (!few) this.#opcodes[(ofClass << 6) | ((word >>> 10) & 0x3f)] = number;
    return leaf;
  }
}
