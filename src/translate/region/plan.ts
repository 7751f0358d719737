/**
 * Which instructions make up a region: the blocks of one page that are reached from its head through direct branches and
 * through calls and returns within the page. A block inside a call stands apart for each call (its context is the return
 * addresses, innermost first), so that a return has one place to go to, and loops around calls stay loops.
 *
 * A function that calls itself, or calls too deep, begins anew without a context. Returns without one lead to a block of no
 * instructions, the dispatcher, which compares their target with every return address of such a call.
 */
import type { Feature } from '../../isa/row.ts';
import { type Control, type Instruction, instructionOf } from './instruction.ts';

const PAGE_WORDS = 1024;
/** A dispatcher compares with so many return addresses. */
const MOST_RETURNS = 8;

/** Where control goes: to a block of the region, or out of it to a word of the page (1024: behind its end). */
export type Edge = { readonly block: number } | { readonly leave: number };

export interface Block {
  /** First word in the page, and number of instructions; 0 where the first one cannot be in a region. */
  readonly first: number;
  readonly length: number;
  readonly instructions: readonly Instruction[];
  readonly context: readonly number[];
  /** How its last instruction ends it; 'none': control falls through along `next`; 'dispatch': the block is the dispatcher. */
  readonly control: Control | 'dispatch';
  /** Target of a direct or conditional branch, absent where it is in another page. */
  readonly taken: Edge | undefined;
  /** Where a conditional branch goes that is not taken, where a block without a branch goes, or where a return is expected to. */
  readonly next: Edge | undefined;
  /** Of the dispatcher: the blocks at return addresses. */
  readonly returns: readonly Edge[] | undefined;
}

export interface PlanLimits {
  readonly instructions: number;
  readonly blockLength: number;
  /** Depth of calls within calls. */
  readonly calls: number;
}

/** The page as it is now. */
export interface PageCode {
  word(index: number): number;
  /** The word has been executed since it was last written. */
  decoded(index: number): boolean;
  /** Of the CPU; absent: every row exists. */
  readonly features?: ReadonlySet<Feature>;
  /** Events are recorded: regions leave them to the machine. */
  readonly recording?: boolean;
}

export interface Plan {
  /** The first is the entry. */
  readonly blocks: readonly Block[];
  readonly instructions: number;
}

/** Whether a region of the page may hold the instruction. */
export function canHold(
  word: number,
  { features, recording }: Pick<PageCode, 'features' | 'recording'>,
): boolean {
  return mayHold(instructionOf(word, features), recording);
}
const mayHold = ({ supported, event }: Instruction, recording = false): boolean =>
  supported && !(event && recording);

/** The instructions of the page that a region may hold, each looked at once. */
class TranslatableCode {
  readonly #code: PageCode;
  readonly #known: (Instruction | null | undefined)[] = new Array(PAGE_WORDS);

  constructor(code: PageCode) {
    this.#code = code;
  }
  at(index: number): Instruction | null {
    if (index >= PAGE_WORDS) return null;
    const known = this.#known[index];
    return known === undefined ? this.#look(index) : known;
  }
  #look(index: number): Instruction | null {
    const { features, recording } = this.#code;
    const instruction = this.#code.decoded(index) ? instructionOf(this.#code.word(index), features) : null;
    const holds = instruction && mayHold(instruction, recording) ? instruction : null;
    this.#known[index] = holds;
    return holds;
  }
}

/** Return addresses, innermost first: one object for each that occurs, so that a word in a context has one number. */
interface Context {
  readonly number: number;
  readonly addresses: readonly number[];
  /** That of the calls around it. */
  readonly outer: Context | undefined;
}

class Contexts {
  readonly none: Context = { number: 0, addresses: [], outer: undefined };
  readonly #known: Context[] = [this.none];

  inside(outer: Context, address: number): Context {
    for (const context of this.#known)
      if (context.outer === outer && context.addresses[0] === address) return context;
    const context = { number: this.#known.length, addresses: [address, ...outer.addresses], outer };
    this.#known.push(context);
    return context;
  }
}

export function planRegion(page: PageCode, head: number, limits: PlanLimits): Plan {
  const code = new TranslatableCode(page);
  const leaders = findLeaders(code, head, limits.instructions);
  const contexts = new Contexts();
  const { none } = contexts;

  const blocks: Block[] = [];
  const numbers = new Map<number, number>();
  const key = (first: number, context: Context) => context.number * PAGE_WORDS + first;
  const pending: { readonly first: number; readonly context: Context }[] = [];
  let instructions = 0;
  const edge = (first: number, context: Context): Edge | undefined => {
    if (first < 0 || first >= PAGE_WORDS) return undefined;
    const known = numbers.get(key(first, context));
    if (known !== undefined) return { block: known };
    if (!code.at(first) || instructions >= limits.instructions) return { leave: first };
    numbers.set(key(first, context), pending.length);
    pending.push({ first, context });
    return { block: pending.length - 1 };
  };
  edge(head, none);
  /** Return addresses of calls that are not in a context. */
  const returns = new Set<number>();
  const callsItself = (target: number, { addresses }: Context) =>
    target === head || addresses.some((end) => end - 1 + code.at(end - 1)!.distance === target);
  for (let n = 0; n < pending.length; n++) {
    const { first, context } = pending[n];
    const held: Instruction[] = [];
    let last = code.at(first)!;
    for (let at: Instruction | null = last; at && held.length < limits.blockLength; ) {
      last = at;
      held.push(at);
      if (at.control !== 'none' || leaders[first + held.length] === 1) break;
      at = code.at(first + held.length);
    }
    const { control, distance, link } = last;
    instructions += held.length;
    const end = first + held.length;
    let taken: Edge | undefined;
    let next: Edge | undefined;
    if (control === 'direct' || control === 'conditional') {
      const target = end - 1 + distance;
      if (!link) taken = edge(target, context);
      else if (context.addresses.length < limits.calls && !callsItself(target, context))
        taken = edge(target, contexts.inside(context, end));
      else {
        taken = edge(target, none);
        for (const address of [end, ...context.addresses]) {
          if (returns.size === MOST_RETURNS) break;
          returns.add(address);
          edge(address, none);
        }
      }
    }
    if (control === 'none' || control === 'conditional') next = edge(end, context) ?? { leave: end };
    if (control === 'return' && context.outer) next = edge(context.addresses[0], context.outer);
    blocks.push({
      first,
      length: held.length,
      instructions: held,
      context: context.addresses,
      control,
      taken,
      next,
      returns: undefined,
    });
  }
  if (returns.size === 0) return { blocks, instructions };
  const known = [...returns]
    .map((first) => numbers.get(key(first, none)))
    .filter((block) => block !== undefined);
  return { blocks: known.length > 0 ? dispatched(blocks, known) : blocks, instructions };
}

/** The blocks and their dispatcher, which leads to the blocks `returns`. */
function dispatched(blocks: readonly Block[], returns: readonly number[]): readonly Block[] {
  const next = { block: blocks.length };
  return [
    ...blocks.map((block) => (block.control === 'return' && !block.next ? { ...block, next } : block)),
    {
      first: 0,
      length: 0,
      instructions: [],
      context: [],
      control: 'dispatch',
      taken: undefined,
      next: undefined,
      returns: returns.map((block) => ({ block })),
    },
  ];
}

/** For each word of the page, 1 where a branch within reach of the head leads to it. */
function findLeaders(code: TranslatableCode, head: number, most: number): Uint8Array {
  const leaders = new Uint8Array(PAGE_WORDS);
  const seen = new Uint8Array(PAGE_WORDS);
  let count = 0;
  const pending: number[] = [];
  const lead = (target: number) => {
    if (target < 0 || target >= PAGE_WORDS || leaders[target] === 1) return;
    leaders[target] = 1;
    pending.push(target);
  };
  lead(head);
  for (let n = 0; n < pending.length && count < most; n++) {
    for (let index = pending[n]; ; index++) {
      const instruction = code.at(index);
      if (!instruction || seen[index] === 1) break;
      seen[index] = 1;
      count += 1;
      const { control, distance, link } = instruction;
      if (control === 'none') continue;
      if (control === 'direct' || control === 'conditional') lead(index + distance);
      if (control === 'conditional' || link) lead(index + 1);
      break;
    }
  }
  return leaders;
}
