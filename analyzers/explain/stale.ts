/** Findings for a translation that was changed in memory and not in the TLB. */
import { describeDescriptor } from '../../src/analysis/descriptor.ts';
import { rowsOf } from '../../src/analysis/rows.ts';
import type { Instruction } from '../../src/analysis/trace.ts';
import { type Case, hex } from './case.ts';
import type { Finding } from './finding.ts';
import { type Walk, walksOf } from './mappings.ts';
import { addressOf } from './stores.ts';

const OUTPUT = 0x0000_ffff_ffff_f000n;
const MAX_DESCRIPTORS = 200_000;

/**
 * The first store that gave a descriptor that the TLB held another output address, where no TLBI of the address followed before it
 * was used again, through the old translation.
 */
export function explainStaleTranslation(
  context: Case,
  before: number,
): (Finding & { readonly used: Instruction }) | undefined {
  const { trace } = context;
  /** The last successful walk that ended at each descriptor. */
  const walks = new Map<number, Walk[]>();
  for (const walk of walksOf(context, { to: before })) {
    const address = walk.addresses.at(-1);
    if (walk.outcome !== 'ok' || address === undefined || walk.access === 'walk') continue;
    const list = walks.get(address);
    if (list === undefined) walks.set(address, [walk]);
    else list.push(walk);
    if (walks.size > MAX_DESCRIPTORS) break;
  }
  const invalidations = [
    ...rowsOf(context.recording, 'tlbi', ['icount', 'seq', 'op', 'argument', 'vmid', 'asid']),
  ].filter(({ op }) => String(op).startsWith('TLBI'));
  for (const { icount, address } of storesTo(context, walks, before)) {
    const walk = walks.get(address)!.findLast((one) => one.icount < icount);
    if (walk === undefined) continue;
    const now = context.doubleword(address, icount + 1);
    const held = walk.descriptors.at(-1)!;
    if ((now & OUTPUT) === (held & OUTPUT) || !describeDescriptor(now, walk.level, walk.stage).valid)
      continue;
    const size = walk.pageSize ?? 4096;
    const next = invalidations.find((row) => row.icount > walk.icount && covers(row, walk, size));
    if (next !== undefined && next.icount < icount) continue;
    const until = next?.icount ?? before;
    const used = staleUse(context, walk, size, icount + 1, until);
    if (used === undefined) continue;
    const store = trace.instruction(icount)!;
    const owner = context.symbols.at(
      context.frames(store).find(({ call }) => call !== undefined)?.entry ?? store.pc,
    );
    const caller = context.frames(store).filter(({ call }) => call !== undefined);
    const stack = caller
      .map(({ entry }) => context.symbols.at(entry)?.name)
      .filter((name) => name !== undefined);
    return {
      kind: 'missing-tlbi',
      used,
      cause: store,
      did: `changed the descriptor at ${hex(address)} from ${hex(held)} to ${hex(now)}, and no TLBI of ${hex(walk.va)} followed`,
      ...(owner ? { owner: stack[1] ?? owner.name } : {}),
      because: [
        `${hex(walk.va)} was walked at ${walk.icount}: the TLB has held ${describeDescriptor(held, walk.level, walk.stage).words} since`,
        `${context.name(store.pc)} made the descriptor ${hex(now)} (${describeDescriptor(now, walk.level, walk.stage).words}) at ${icount}; the next TLBI that covers the address ${next ? `came at ${next.icount}` : 'never came'}`,
        `${context.name(used.pc)} still went to the old page at ${used.icount}`,
      ],
      evidence: [
        {
          sentence: 'TLB maintenance from the walk to the use',
          sql: `SELECT * FROM tlbi WHERE icount BETWEEN ${walk.icount} AND ${used.icount} ORDER BY seq`,
        },
        {
          sentence: 'The walks of the address',
          sql: `SELECT * FROM walks WHERE va >= ${walk.va & ~BigInt(size - 1)} AND va < ${(walk.va & ~BigInt(size - 1)) + BigInt(size)} ORDER BY seq`,
        },
      ],
    };
  }
  return undefined;
}

/** Stores to the descriptors, in order. */
function* storesTo(
  { trace }: Case,
  walks: ReadonlyMap<number, unknown>,
  before: number,
): Generator<{ readonly icount: number; readonly address: number }> {
  const pages = new Set([...walks.keys()].map((address) => Math.floor(address / 4096)));
  for (let index = 0; index < trace.packets.length && trace.packets[index].icount < before; index++) {
    const halves = trace.addresses(index);
    let touched = false;
    let lastPage = -1;
    for (let i = 0; i < halves.length && !touched; i += 2) {
      const page = halves[i + 1] * 2 ** 20 + (halves[i] >>> 12);
      if (page === lastPage) continue;
      lastPage = page;
      touched = pages.has(page);
    }
    if (!touched) continue;
    const { icounts, pas, stores } = trace.packetAccesses(index);
    for (let i = 0; i < icounts.length; i++) {
      const address = pas[i] - (pas[i] % 8);
      if (stores[i] === 1 && icounts[i] < before && walks.has(address)) yield { icount: icounts[i], address };
    }
  }
}

type Invalidation = ReturnType<typeof rowsOf> extends Generator<infer Row> ? Row : never;

/** Whether a TLBI removes the walk's translation: by its name, argument and VMID. Ranges and levels are taken as wide as they can be. */
function covers(row: Invalidation, walk: Walk, size: number): boolean {
  const op = String(row['op']).replace(/^TLBI /, '');
  const isEl2 = walk.regime !== 'EL10';
  const argument = row['argument'] as bigint;
  const sameVm = isEl2 || row['vmid'] === walk.vmid;
  const page = (argument & 0xfff_ffff_ffffn) << 12n;
  const within = (address: bigint) =>
    (address & 0xff_ffff_ffff_f000n) >> BigInt(Math.log2(size)) ===
    (page & 0xff_ffff_ffff_f000n) >> BigInt(Math.log2(size));
  if (/^ALLE1|^VMALLS12E1|^VMALLE1/.test(op)) return !isEl2 && (op.startsWith('ALL') || sameVm);
  if (op.startsWith('ALLE2')) return isEl2;
  if (op.startsWith('ASIDE1')) return !isEl2 && sameVm;
  if (op.startsWith('IPAS2')) return walk.stage === 2 && sameVm && within(walk.ipa ?? 0n);
  if (/^VA.*E2/.test(op)) return isEl2 && within(walk.va);
  if (/^VA/.test(op)) return !isEl2 && sameVm && within(walk.va);
  return true;
}

/** The first access after the change that went to the page that the TLB held, by that virtual address. */
function staleUse(
  context: Case,
  walk: Walk,
  size: number,
  from: number,
  until: number,
): Instruction | undefined {
  const { trace } = context;
  if (walk.pa === undefined) return undefined;
  const page = Math.floor(Number(walk.pa) / size) * size;
  let tried = 0;
  for (const access of trace.accessesTo(page, size, from, until)) {
    const instruction = trace.instruction(access.icount)!;
    if (walk.regime === 'EL10' ? instruction.el === 2 || instruction.vmid !== walk.vmid : instruction.el < 2)
      continue;
    const va = addressOf(context, instruction);
    if (va >> BigInt(Math.log2(size)) === walk.va >> BigInt(Math.log2(size))) return instruction;
    if (++tried === 16) return undefined;
  }
  return undefined;
}
