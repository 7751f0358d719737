/**
 * Where two recordings part. Of the same images: the first instruction or event that differs, and the difference of recipe or
 * input before it. Of different builds: what can be seen from outside, in order, without addresses and times.
 */
import { rowsOf } from '../../src/analysis/rows.ts';
import { type Instruction, Trace } from '../../src/analysis/trace.ts';
import { exitReason } from '../../src/sql/exit_reasons.ts';
import { findExits } from '../../src/sql/exits.ts';
import { TABLE_NAMES } from '../../src/trace/columns.ts';
import type { Recording } from '../../src/trace/recording.ts';
import type { TableName } from '../../src/trace/schema.ts';

export interface Difference {
  /** 'instruction', or the table whose rows differ first. */
  readonly where: string;
  readonly icount: readonly [number | undefined, number | undefined];
  /** The differing row of each side, as text; undefined where one side has ended. */
  readonly rows: readonly [string | undefined, string | undefined];
}

export interface Comparison {
  readonly sameImages: boolean;
  /** Recipe entries that differ. */
  readonly recipe: readonly { readonly name: string; readonly values: readonly [string, string] }[];
  readonly ends: readonly [string, string];
  readonly first: Difference | undefined;
  /** The first difference of an input at or before `first`. */
  readonly input: Difference | undefined;
  /** The instructions up to the first difference, of both sides. */
  readonly before: readonly [readonly Instruction[], readonly Instruction[]];
  /** Exits of both sides by reason, where their numbers differ. */
  readonly exits: readonly { readonly reason: string; readonly counts: readonly [number, number] }[];
}

/** Instructions of context that are shown. */
const CONTEXT = 10;
/** Tables without rows of their own for `diff`: they follow from the instructions. */
const DERIVED: readonly TableName[] = ['flow', 'accesses', 'code', 'fetch', 'values'];

export function compare(a: Recording, b: Recording): Comparison {
  const sameImages = digests(a) === digests(b);
  const recipe = recipeDifferences(a, b);
  const first = sameImages ? firstDifference(a, b) : firstVisibleDifference(a, b);
  const input = differenceOf(a, b, 'inputs');
  const before: [Instruction[], Instruction[]] = [[], []];
  if (first !== undefined)
    for (const [side, recording] of [a, b].entries()) {
      const icount = first.icount[side] ?? first.icount[1 - side]!;
      const trace = new Trace(recording);
      const to = Math.min(icount + 1, trace.end);
      before[side].push(...trace.forwards(Math.max(0, to - CONTEXT), to));
    }
  return {
    sameImages,
    recipe,
    ends: [endOf(a), endOf(b)],
    first,
    input:
      input && first && (input.icount[0] ?? input.icount[1]!) <= (first.icount[0] ?? first.icount[1]!)
        ? input
        : undefined,
    before,
    exits: first === undefined ? [] : exitDifferences(a, b),
  };
}

const digests = ({ facts }: Recording) => JSON.stringify(Object.values(facts.images).sort());
const endOf = ({ facts, instructions, incomplete }: Recording) =>
  `${instructions} instructions, ${facts.reason ?? incomplete}`;

/** The engine executes the same whichever it is; paths do not matter where digests are compared. */
const NO_DIFFERENCE = new Set(['engine', 'image', 'initrd', 'dtb', 'load']);

function recipeDifferences(a: Recording, b: Recording): Comparison['recipe'] {
  const [left, right] = [a.facts.recipe, b.facts.recipe];
  const text = (value: unknown) => (value === undefined ? 'absent' : JSON.stringify(value));
  return [...new Set([...Object.keys(left), ...Object.keys(right)])]
    .filter((name) => !NO_DIFFERENCE.has(name) && text(left[name]) !== text(right[name]))
    .map((name) => ({ name, values: [text(left[name]), text(right[name])] as const }));
}

/** The earliest of the differences of the instructions and of each table. */
function firstDifference(a: Recording, b: Recording): Difference | undefined {
  const tables = TABLE_NAMES.filter((table) => !DERIVED.includes(table));
  const found = [firstInstruction(a, b), ...tables.map((table) => differenceOf(a, b, table))].filter(
    (difference) => difference !== undefined,
  );
  const at = ({ icount: [left = Infinity, right = Infinity] }: Difference) => Math.min(left, right);
  // What comes from outside is the cause of what else differs at the same instruction.
  const rank = ({ where }: Difference) => (where === 'inputs' ? 0 : where === 'instruction' ? 2 : 1);
  return found.sort((x, y) => at(x) - at(y) || rank(x) - rank(y))[0];
}

/** Whether both have the same rows of a table, by their digests. */
function sameDigests(a: Recording, b: Recording, table: TableName): boolean {
  const of = (recording: Recording) =>
    JSON.stringify(
      recording
        .segments(table)
        .map(({ batches, dictionaries }) => [batches.map((batch) => batch.digests), dictionaries]),
    );
  return of(a) === of(b);
}

function differenceOf(a: Recording, b: Recording, table: TableName): Difference | undefined {
  if (sameDigests(a, b, table)) return undefined;
  return firstUnequal(table, rowsOf(a, table), rowsOf(b, table), ({ seq: _, ...row }) => rowText(row));
}

const rowText = (row: object) =>
  Object.entries(row)
    .filter(([, value]) => value !== null)
    .map(([name, value]) => `${name} ${cellText(value)}`)
    .join(', ');

function cellText(value: unknown): string {
  if (typeof value === 'bigint') return `0x${value.toString(16)}`;
  if (ArrayBuffer.isView(value))
    return `[${Array.from(value as unknown as Iterable<unknown>, cellText).join(' ')}]`;
  return String(value);
}

function firstUnequal<T extends { readonly icount: number }>(
  where: string,
  left: Iterator<T>,
  right: Iterator<T>,
  text: (row: T) => string,
): Difference | undefined {
  for (;;) {
    const [x, y] = [left.next(), right.next()];
    if (x.done && y.done) return undefined;
    const [textX, textY] = [x.done ? undefined : text(x.value), y.done ? undefined : text(y.value)];
    if (textX !== textY)
      return {
        where,
        icount: [x.done ? undefined : x.value.icount, y.done ? undefined : y.value.icount],
        rows: [textX, textY],
      };
  }
}

function firstInstruction(a: Recording, b: Recording): Difference | undefined {
  if (sameDigests(a, b, 'flow') && sameDigests(a, b, 'code') && sameDigests(a, b, 'accesses'))
    return undefined;
  const [left, right] = [new Trace(a), new Trace(b)];
  // Packets that begin together and are equal hold the same instructions, where the code is the same.
  let equal = 0;
  const { packets: p } = left;
  const { packets: q } = right;
  while (equal < p.length && equal < q.length && samePacket(p[equal], q[equal])) equal++;
  const from = Math.max(0, equal - 1);
  const start = p[from]?.icount ?? 0;
  const text = ({ pc, word, el, cpu }: Instruction) =>
    `0x${pc.toString(16)}: ${word.toString(16).padStart(8, '0')}, EL${el}, cpu ${cpu}`;
  return firstUnequal('instruction', left.forwards(start), right.forwards(start), text);
}

type Packet = Trace['packets'][number];
const samePacket = (x: Packet, y: Packet) =>
  x.icount === y.icount &&
  x.pc === y.pc &&
  x.cpu === y.cpu &&
  x.el === y.el &&
  x.instructions === y.instructions &&
  x.vmid === y.vmid &&
  x.asid === y.asid &&
  Buffer.compare(x.atoms, y.atoms) === 0 &&
  x.targets.length === y.targets.length &&
  x.targets.every((target, i) => target === y.targets[i]);

/** What a guest's user, a device and a hypervisor see: without addresses of code and without time. */
const VISIBLE: readonly (readonly [TableName, readonly string[]])[] = [
  ['console', ['icount', 'seq', 'device', 'direction', 'byte']],
  ['mmio', ['icount', 'seq', 'device', 'register', 'size', 'write', 'value']],
  ['exceptions', ['icount', 'seq', 'kind', 'from_el', 'to_el', 'ec', 'iss', 'vmid']],
];

function firstVisibleDifference(a: Recording, b: Recording): Difference | undefined {
  const found = VISIBLE.map(([table, columns]) =>
    firstUnequal(
      table,
      rowsOf(a, table, columns),
      rowsOf(b, table, columns),
      ({ icount: _i, seq: _s, ...row }) => rowText(row),
    ),
  ).filter((difference) => difference !== undefined);
  return found.sort((x, y) => (x.icount[0] ?? Infinity) - (y.icount[0] ?? Infinity))[0];
}

function exitDifferences(a: Recording, b: Recording): Comparison['exits'] {
  const counts = new Map<string, [number, number]>();
  for (const [side, recording] of [a, b].entries())
    for (const { kind, ec } of findExits(recording)) {
      const reason = exitReason(kind, ec);
      const both = counts.get(reason) ?? [0, 0];
      both[side] += 1;
      counts.set(reason, both);
    }
  return [...counts]
    .filter(([, [x, y]]) => x !== y)
    .map(([reason, both]) => ({ reason, counts: both }))
    .sort((x, y) => x.reason.localeCompare(y.reason));
}
