import { expect, it } from 'vitest';
import { type AccessKind, accessesBefore, accessKind } from '../../src/isa/access_kinds.ts';
import type { Access } from '../../src/isa/emitter.ts';
import { assemble } from '../../src/isa/pattern.ts';
import { ROWS } from '../../src/isa/table.ts';
import { Evaluator } from '../../src/translate/evaluator.ts';
import { LittleMachine } from '../translate/evaluator_machine.ts';

/** The accesses that the semantics make. */
function accessesOf(word: number): string[] {
  const made: string[] = [];
  const { state } = new LittleMachine();
  const note = (kind: string, { bytes }: Access) => made.push(`${kind} ${bytes}`);
  const memory = {
    load: (access: Access) => {
      note('load', access);
      return 0n;
    },
    store: (access: Access) => {
      note('store', access);
      return true;
    },
    probeStore: () => true,
  };
  const nowhere = { redirected: false, autda: () => 0n, autdb: () => 0n } as never;
  const flow = { atom: () => {}, target: () => {} };
  new Evaluator(state, memory, nowhere, flow).execute(word);
  return made;
}

const textOf = ({ count, loads, size }: AccessKind): string =>
  Array.from({ length: count }, (_, i) => `${i < loads ? 'load' : 'store'} ${size}`).join();

const rows = ROWS.filter(
  ({ name, execute, pattern }) =>
    execute && /^(ST|LD)[A-Z]?\w*$/.test(name) && pattern.fields.some(({ name: f }) => f === 'vt'),
);

it('is what the meaning of recorded addresses is taken from, for every load and store of SIMD registers', () => {
  expect(rows.length).toBeGreaterThan(170);
  for (const { name, pattern, unallocated } of rows)
    for (const q of [0, 1])
      for (const size of [0, 1, 2, 3]) {
        const fields = {
          q,
          size: /sngl_16/.test(name) ? size & 1 : size,
          rm: 3,
          rn: 2,
          vt: 30,
          option: 3,
          vt2: 4,
        };
        if (unallocated?.(fields)) continue;
        const word = assemble(pattern, fields);
        const kind = accessKind(word);
        expect(`${name} ${accessesOf(word)}`).toBe(`${name} ${kind && textOf(kind)}`);
      }
});

const extended = ROWS.filter(
  ({ name, feature, execute }) => execute && (/^(LSE|LRCPC2?|LOR)$/.test(feature) || /^LDRA[AB]/.test(name)),
);

it('and for every atomic, release-consistent and authenticated load and store', () => {
  expect(extended.length).toBeGreaterThan(190);
  for (const { name, pattern } of extended) {
    const word = assemble(pattern, { rs: 4, rn: 2, rt: 6, sbo: 31, sbo2: 31 });
    expect(`${name} ${accessesOf(word)}`).toBe(`${name} ${textOf(accessKind(word)!)}`);
  }
});

// Whether a store-exclusive accesses anything depends on the monitor.
const general = ROWS.filter(
  ({ name, feature, execute, pattern }) =>
    feature === 'base' &&
    execute &&
    /^(LD|ST)/.test(name) &&
    !/^STL?X/.test(name) &&
    pattern.fields.some(({ name: field }) => field === 'rt'),
);

it('and for every load and store of general registers', () => {
  expect(general.length).toBeGreaterThan(90);
  for (const { name, pattern, unallocated } of general) {
    const fields = { rm: 3, rn: 2, rt: 6, rt2: 7, option: 3, sbo: 31, sbo2: 31, imm7: 1 };
    if (unallocated?.(fields)) continue;
    const word = assemble(pattern, fields);
    const kind = accessKind(word);
    expect(`${name} ${accessesOf(word)}`).toBe(`${name} ${kind && textOf(kind)}`);
  }
});

/** Rows of accesses of an instruction whose access number `faulting` faults, and the address of that one. */
function rowsUntilFault(word: number, base: bigint, faulting: number): { rows: number; address?: bigint } {
  const { state } = new LittleMachine();
  state.setX(2, base);
  let rows = 0;
  let made = 0;
  let address: bigint | undefined;
  const visit = ({ bytes }: Access, at: bigint) => {
    if (made++ === faulting) address = at;
    else if (address === undefined) rows += (at % 4096n) + BigInt(bytes) > 4096n ? 2 : 1;
    return address === undefined;
  };
  const memory = {
    load: (access: Access, at: bigint) => (visit(access, at) ? 0n : undefined),
    store: visit,
    probeStore: () => true,
  };
  const flow = { atom: () => {}, target: () => {} };
  new Evaluator(state, memory, { redirected: false } as never, flow).execute(word);
  return { rows, ...(address === undefined ? {} : { address }) };
}

const several = ROWS.filter(
  ({ name, execute, pattern }) =>
    execute &&
    /^(ST|LD)[NPGX1-4]/.test(name) &&
    !/^STXP|^STLXP/.test(name) &&
    pattern.fields.some(({ name: field }) => field === 'rn'),
);

it('tells how many accesses came before the one that faults', () => {
  let compared = 0;
  for (const { name, pattern, unallocated } of several)
    for (const imm7 of [0, 3, 0x7d])
      for (const base of [0x8000n, 0x8ff4n, 0x8ffcn]) {
        const fields = {
          q: 1,
          size: 1,
          rm: 3,
          rn: 2,
          vt: 20,
          vt2: 4,
          rt: 6,
          rt2: 7,
          imm7,
          option: 3,
          sbo: 31,
        };
        if (unallocated?.(fields)) continue;
        const word = assemble(pattern, fields);
        const count = accessKind(word)?.count ?? 0;
        for (let faulting = 0; faulting < count && count > 1; faulting++) {
          const { rows, address } = rowsUntilFault(word, base, faulting);
          if (address === undefined) throw new Error(`${name}: no access ${faulting}`);
          expect(`${name} ${imm7} ${base} ${accessesBefore(word, base, address)}`).toBe(
            `${name} ${imm7} ${base} ${rows}`,
          );
          compared++;
        }
      }
  expect(compared).toBeGreaterThan(1000);
});
