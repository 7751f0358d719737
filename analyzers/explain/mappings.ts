/** Findings for translation tables: who wrote the descriptor, and what it should have been. */
import { describeDescriptor } from '../../src/analysis/descriptor.ts';
import { effectsOf } from '../../src/analysis/instruction_effects.ts';
import { followRegister } from '../../src/analysis/provenance.ts';
import { rowsOf } from '../../src/analysis/rows.ts';
import type { Instruction } from '../../src/analysis/trace.ts';
import { MAP } from '../../src/machine/virt_map.ts';
import { type Case, hex } from './case.ts';
import type { Finding } from './finding.ts';
import { storeTarget } from './stores.ts';

/** A row of table walks. */
export interface Walk {
  readonly icount: number;
  readonly seq: number;
  readonly stage: number;
  readonly regime: string;
  readonly vmid: number;
  readonly va: bigint;
  readonly ipa: bigint | undefined;
  readonly pa: bigint | undefined;
  readonly level: number;
  readonly pageSize: number | undefined;
  readonly addresses: readonly number[];
  readonly descriptors: readonly bigint[];
  readonly outcome: string;
  readonly access: string;
}

export function walksOf({ recording }: Case, range: { from?: number; to?: number }): Walk[] {
  return [...rowsOf(recording, 'walks', undefined, range)].map((row) => ({
    icount: row.icount,
    seq: row.seq,
    stage: row['stage'] as number,
    regime: row['regime'] as string,
    vmid: row['vmid'] as number,
    va: row['va'] as bigint,
    ipa: (row['ipa'] as bigint | null) ?? undefined,
    pa: (row['pa'] as bigint | null) ?? undefined,
    level: row['level'] as number,
    pageSize: row['page_size'] === null ? undefined : Number(row['page_size']),
    addresses: Array.from(row['descriptor_addresses'] as BigUint64Array, Number),
    descriptors: Array.from(row['descriptors'] as BigUint64Array),
    outcome: row['outcome'] as string,
    access: row['access'] as string,
  }));
}

/** The walk that found the fault of instruction `icount`: the last one that failed by itself. */
export function faultingWalk(context: Case, icount: number): Walk | undefined {
  return walksOf(context, { from: icount, to: icount + 1 }).findLast(
    ({ outcome }) => outcome !== 'ok' && outcome !== 'stage 2',
  );
}

const OUTPUT = 0x0000_ffff_ffff_f000n;
const sameOutput = (a: bigint, b: bigint) => (a & OUTPUT) === (b & OUTPUT);

/** What the history of the descriptor says. Undefined where it was never valid, or the address is more suspicious than it. */
export function explainDescriptor(context: Case, walk: Walk): Finding | undefined {
  const { trace } = context;
  const address = walk.addresses.at(-1);
  const descriptor = walk.descriptors.at(-1);
  if (address === undefined || descriptor === undefined) return undefined;
  const change = lastChange(context, walk, address);
  if (change === undefined) return undefined;
  const store = trace.instruction(change.icount)!;
  const { before } = change;
  const old = describeDescriptor(before, walk.level, walk.stage);
  const now = describeDescriptor(descriptor, walk.level, walk.stage);
  const evidence = [
    {
      sentence: 'Every store to the descriptor',
      sql: `SELECT * FROM memory_accesses(0, ${walk.icount + 1}) WHERE kind = 'store' AND address BETWEEN ${address - 7} AND ${address + 7}`,
    },
  ];
  const history = `the descriptor at ${hex(address)} was ${hex(before)} (${old.words}) until ${context.name(store.pc)} made it ${hex(descriptor)} (${now.words}) at ${store.icount}`;
  if (!old.valid) {
    if (walk.outcome !== 'permission' && walk.outcome !== 'access flag') return undefined;
    return {
      kind: 'wrong-permission',
      cause: store,
      ...ownerOf(context, store),
      did: `wrote the descriptor with permissions that deny this access: ${now.words}`,
      because: [
        `the descriptor at ${hex(address)} has been ${hex(descriptor)} (${now.words}) since ${context.name(store.pc)} wrote it at ${store.icount}`,
      ],
      evidence,
    };
  }
  if (now.valid && sameOutput(before, descriptor) && now.type === old.type)
    return {
      kind: 'wrong-permission',
      cause: store,
      did: `changed the descriptor from ${old.words} to ${now.words}`,
      because: [history],
      evidence,
    };
  const target = storeTarget(context, store);
  if (target.stack !== undefined) {
    const { at, high } = target.stack;
    const moved = stackCrossing(context, at, target.va) ?? store;
    if (target.va < high || at === store)
      return {
        kind: 'stack-overflow',
        cause: moved,
        did: `moved the stack pointer down to ${hex(context.at(moved.icount + 1).registers[31])}, into a page of translation tables`,
        because: [history, `the store goes ${target.words}: the stack reaches down over the table`],
        evidence,
      };
  }
  if (writesTables(context, store, walk)) {
    const removed = !now.valid;
    return {
      kind: removed ? 'use-after-unmap' : 'wrong-mapping',
      cause: store,
      did: removed ? 'removed the translation that is used later' : `replaced ${old.words} by ${now.words}`,
      because: [history],
      evidence,
    };
  }
  return {
    kind: 'overwritten-descriptor',
    cause: store,
    did: `stored ${hex(descriptor)} over the descriptor at ${hex(address)}, ${target.words}`,
    because: [history, `the store goes ${target.words}: it was not meant for a translation table`],
    evidence,
  };
}

/**
 * The store that took the descriptor's last valid value away, or else the last one. Damage may come in pieces: bytes of a
 * string, or several stores.
 */
function lastChange(
  context: Case,
  walk: Walk,
  address: number,
): { readonly icount: number; readonly before: bigint } | undefined {
  const { trace } = context;
  let last: { icount: number; before: bigint } | undefined;
  let at = walk.icount;
  for (let i = 0; i < CHANGES; i++) {
    const access = trace.lastStore(address, 8, at);
    if (access === undefined) return last;
    const change = { icount: access.icount, before: context.doubleword(address, access.icount) };
    if (describeDescriptor(change.before, walk.level, walk.stage).valid) return change;
    last ??= change;
    at = access.icount;
  }
  return last;
}

/** Stores to a descriptor that are looked through. */
const CHANGES = 32;

/** The instruction that moved the stack pointer below the end of the page of `va`, where it still is at `at`. */
export function stackCrossing(context: Case, at: Instruction, va: bigint): Instruction | undefined {
  const end = (va | 0xfffn) + 1n;
  let moved = stackMove(context, at);
  for (let i = 0; i < STACK_MOVES && moved !== undefined; i++) {
    if (context.at(moved.icount).registers[31] >= end) return moved;
    moved = context.trace.lastRegisterWrite(31, moved.icount, moved.cpu, moved.el);
  }
  return stackMove(context, at);
}

/** How many moves of the stack pointer are looked through. */
const STACK_MOVES = 200;

/** The instruction that last moved the stack pointer before `at`. */
export function stackMove({ trace }: Case, at: Instruction): Instruction | undefined {
  return trace.lastRegisterWrite(31, at.icount + 1, at.cpu, at.el);
}

/** Whether the instruction is one of those that write descriptors: it made valid ones that walks used. */
function writesTables(context: Case, store: Instruction, walk: Walk): boolean {
  const others = new Set<number>();
  for (const { addresses, outcome, icount } of walksOf(context, { to: walk.icount }).reverse()) {
    const address = addresses.at(-1);
    if (outcome !== 'ok' || address === undefined || others.has(address) || address === walk.addresses.at(-1))
      continue;
    others.add(address);
    const access = context.trace.lastStore(address, 8, icount);
    if (access !== undefined && context.trace.instruction(access.icount)!.pc === store.pc) return true;
    if (others.size === 32) return false;
  }
  return false;
}

/** Whose decision the value of a descriptor was, where that is not the function that stores it. */
function ownerOf(context: Case, writer: Instruction): { readonly owner?: string } {
  const owner = valueMaker(context, writer);
  return owner === undefined ? {} : { owner };
}

/** Descriptors that far from the one that is missing are another mapping's. */
const NEIGHBOURHOOD = 2 ** 26;

/** The valid descriptors nearest to that of the walk, in its table: below it first. */
function neighboursOf(
  context: Case,
  walk: Walk,
): { readonly writer: Instruction; readonly below: boolean }[] {
  const address = walk.addresses.at(-1)!;
  const { trace } = context;
  const { tableBytes, entryBytes } = context.tableShape(walk);
  const table = address - (address % tableBytes);
  const reach = Math.max(1, Math.floor(NEIGHBOURHOOD / entryBytes)) * 8;
  const found: { writer: Instruction; below: boolean }[] = [];
  const look = (at: number, below: boolean) => {
    const access = trace.lastStore(at, 8, walk.icount);
    const valid =
      access !== undefined &&
      describeDescriptor(context.doubleword(at, walk.icount), walk.level, walk.stage).valid;
    if (valid) found.push({ writer: trace.instruction(access.icount)!, below });
  };
  for (let at = address - 8; at >= Math.max(table, address - reach) && found.length < 2; at -= 8)
    look(at, true);
  for (let at = address + 8; at < Math.min(table + tableBytes, address + reach) && found.length < 1; at += 8)
    look(at, false);
  return found;
}

/** Neither memory nor a device of the board is at the IPA, and nothing near it is mapped: no mapping is missing there. */
export function isOutlandish(context: Case, walk: Walk): boolean {
  const ipa = Number(walk.ipa ?? 0n);
  const onBoard =
    context.timeline.machine.memory.isRam(ipa - (ipa % 4096)) ||
    Object.values(MAP).some(({ base, size }) => ipa >= base && ipa < base + size);
  return !onBoard && neighboursOf(context, walk).length === 0;
}

/** A descriptor that nobody ever made valid: the code that made its neighbours, or the table, and not this one. */
export function neverMapped(context: Case, walk: Walk): Finding | undefined {
  const address = walk.addresses.at(-1);
  if (address === undefined) return undefined;
  const { trace } = context;
  const [near, other] = neighboursOf(context, walk);
  const stage2 = walk.stage === 2;
  const what = stage2 ? `IPA ${hex(walk.ipa ?? 0n)}` : `address ${hex(walk.va)}`;
  const because = [
    `the level ${walk.level} descriptor of ${what}, at ${hex(address)}, is ${describeDescriptor(walk.descriptors.at(-1) ?? 0n, walk.level, walk.stage).words}, and was never valid`,
  ];
  const owner = near && commonActivation(context, near.writer, other?.writer);
  const { tableBytes } = context.tableShape(walk);
  const table = address - (address % tableBytes);
  let cause: Instruction | undefined = near?.writer;
  let did = `mapped what lies beside ${what}, and not this`;
  if (near?.below) {
    did = `mapped what lies below ${what}, and nothing after it`;
    because.push(
      `the descriptor nearest below it was written by ${context.name(near.writer.pc)} at ${near.writer.icount}${owner ? `, within ${owner}` : ''}: the mapping ends there`,
    );
  } else if (near) {
    because.push(
      `the descriptor nearest above it was written by ${context.name(near.writer.pc)} at ${near.writer.icount}${owner ? `, within ${owner}` : ''}: the mapping begins there`,
    );
  } else {
    // The innermost table that anybody wrote to.
    const access = [...walk.addresses]
      .reverse()
      .map((one) => trace.lastStore(one - (one % tableBytes), tableBytes, walk.icount))
      .find((store) => store !== undefined);
    cause = access && trace.instruction(access.icount);
    did = `made the tables, and no mapping of ${what}`;
    if (cause)
      because.push(`${context.name(cause.pc)} was the last to write to these tables, at ${cause.icount}`);
  }
  return {
    kind: stage2 ? 'unmapped-ipa' : 'unmapped-va',
    cause,
    did,
    ...(owner ? { owner } : {}),
    because,
    evidence: [
      {
        sentence: 'Every store to the table',
        sql: `SELECT * FROM memory_accesses(0, ${walk.icount + 1}) WHERE kind = 'store' AND address BETWEEN ${table} AND ${table + tableBytes - 1}`,
      },
    ],
  };
}

/** The innermost activation that made both stores: the loop over the mappings. */
function commonActivation(context: Case, a: Instruction, b: Instruction | undefined): string | undefined {
  if (b === undefined) return undefined;
  const first = context.frames(a);
  const second = context.frames(b);
  const common = first.find(({ entered }) => second.some((frame) => frame.entered === entered));
  if (common === undefined) return undefined;
  return context.symbols.at(common.entry)?.name ?? hex(common.entry);
}

/** One virtual machine stored to memory that is another's: the mapping of the one that stored leads there. */
export function wrongMachine(
  context: Case,
  store: Instruction,
  pa: number,
  user: Instruction,
  because: string[],
): Finding {
  const { trace } = context;
  const page = pa - (pa % 4096);
  const walk = walksOf(context, { to: store.icount + 1 }).findLast(
    ({ stage, vmid, outcome, pa: output, pageSize, access }) =>
      stage === 2 &&
      vmid === store.vmid &&
      outcome === 'ok' &&
      access !== 'walk' &&
      output !== undefined &&
      Math.floor(Number(output) / (pageSize ?? 4096)) === Math.floor(page / (pageSize ?? 4096)),
  );
  because.push(
    `${hex(pa)} belongs to the virtual machine with VMID ${user.vmid}, which uses it at ${user.icount}; the one with VMID ${store.vmid} stored there at ${store.icount}, in ${context.name(store.pc)}`,
  );
  const address = walk?.addresses.at(-1);
  const written = address === undefined ? undefined : trace.lastStore(address, 8, store.icount);
  const writer = written && trace.instruction(written.icount);
  if (walk !== undefined && writer !== undefined) {
    because.push(
      `its stage 2 descriptor of IPA ${hex(walk.ipa ?? 0n)}, at ${hex(address!)}, is ${describeDescriptor(walk.descriptors.at(-1)!, walk.level, 2).words}`,
      `${context.name(writer.pc)} wrote it at ${writer.icount}`,
    );
  }
  const owner = writer && valueMaker(context, writer);
  return {
    kind: 'wrong-mapping',
    cause: writer ?? store,
    did: writer
      ? `mapped IPA ${hex(walk!.ipa ?? 0n)} to memory of another virtual machine`
      : 'stored to memory of another virtual machine',
    ...(owner ? { owner } : {}),
    because,
    evidence: [
      {
        sentence: 'Who accessed that memory',
        sql: `SELECT * FROM memory_accesses(0, ${store.icount + 1}) WHERE address BETWEEN ${pa - 7} AND ${pa + 7}`,
      },
    ],
  };
}

/** The function in which the descriptor's value was computed from something other than itself and constants. */
function valueMaker(context: Case, writer: Instruction): string | undefined {
  const [effect] = effectsOf(writer.word).accesses.filter(({ store }) => store);
  if (effect?.value?.op !== 'register') return undefined;
  const { links, origin } = followRegister(
    context.trace,
    context.log,
    context,
    effect.value.register,
    writer,
  );
  const functions = new Set(
    [
      ...links.map(({ instruction }) => instruction),
      ...('instruction' in origin ? [origin.instruction] : []),
    ].map(({ pc }) => context.symbols.at(pc)?.name ?? ''),
  );
  const own = context.symbols.at(writer.pc)?.name ?? '';
  const stack = new Set(context.frames(writer).map(({ entry }) => context.symbols.at(entry)?.name ?? ''));
  return [...functions].find((name) => name !== '' && name !== own && stack.has(name));
}
