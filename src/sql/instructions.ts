/** `instructions`: one row per instruction attempted, from the flow decoder, disassembled. */
import type { DuckDBConnection } from '@duckdb/node-api';
import type { AddressSpace } from '../symbols/symbol_table.ts';
import type { Batch, ColumnData } from '../trace/columns.ts';
import { expand, type InstructionChunk } from '../trace/expand.ts';
import { FlowDecoder } from '../trace/flow.ts';
import { REGIMES } from '../trace/raw_packet.ts';
import type { IcountRange, Recording } from '../trace/recording.ts';
import { DisassemblyCache } from './disassemble.ts';
import { registerScan, type ScanColumn, type View } from './scan.ts';
import { createViews } from './tables.ts';

/** Names the function that an address belongs to, with the offset in it where that is not 0; without `space`, whosever it is. */
export type Symbolize = (pc: bigint, space?: AddressSpace) => string | undefined;

export const INSTRUCTIONS_VIEW = {
  name: 'instructions',
  sentence: 'One row per instruction attempted, in order, from the flow',
  columns: [
    { name: 'icount', type: 'u64', unit: 'instructions', sentence: 'Ordinal of the instruction' },
    { name: 'cpu', type: 'u8', unit: '', sentence: 'Number of the CPU' },
    { name: 'pc', type: 'u64', unit: 'address', sentence: 'Virtual address' },
    { name: 'pa', type: 'u64', unit: 'address', sentence: 'Physical address; null where the fetch faulted' },
    { name: 'opcode', type: 'u32', unit: '', sentence: 'The instruction word; null where the fetch faulted' },
    { name: 'mnemonic', type: 'varchar', unit: '', sentence: 'Mnemonic, as Capstone names it' },
    { name: 'disassembly', type: 'varchar', unit: '', sentence: 'Mnemonic and operands' },
    { name: 'el', type: 'u8', unit: '', sentence: 'Exception level' },
    {
      name: 'regime',
      type: 'text',
      unit: '',
      sentence: 'Translation regime: EL10, EL2, EL20',
      texts: () => REGIMES,
    },
    { name: 'vmid', type: 'u16', unit: '', sentence: 'VMID, 0 where the regime has none' },
    { name: 'asid', type: 'u16', unit: '', sentence: 'ASID, 0 where the regime has none' },
    {
      name: 'symbol',
      type: 'varchar',
      unit: '',
      sentence: 'Function and offset, where the images have symbols',
    },
  ],
} as const satisfies View;
const COLUMNS: readonly ScanColumn[] = INSTRUCTIONS_VIEW.columns;

/** A text column of `rows` rows; undefined is null. */
export function textColumn(rows: number, textOf: (row: number) => string | undefined): ColumnData {
  const values = new Uint32Array(rows);
  const validity = new Uint8Array(rows);
  const ids = new Map<string, number>();
  for (let row = 0; row < rows; row++) {
    const text = textOf(row);
    if (text === undefined) continue;
    if (!ids.has(text)) ids.set(text, ids.size);
    values[row] = ids.get(text)!;
    validity[row] = 1;
  }
  return { values, validity, dictionary: [...ids.keys()] };
}

/** The columns of a chunk that the columns of the table are made from. */
function valuesFor(names: readonly string[]): Set<'icount' | 'pc' | 'pa' | 'opcode'> {
  const wanted = new Set<'icount' | 'pc' | 'pa' | 'opcode'>();
  for (const name of names) {
    if (name === 'icount' || name === 'pc' || name === 'pa' || name === 'opcode') wanted.add(name);
    if (name === 'mnemonic' || name === 'disassembly') wanted.add('opcode');
    if (name === 'disassembly' || name === 'symbol') wanted.add('pc');
  }
  return wanted;
}

function columnOf(
  name: string,
  chunk: InstructionChunk,
  disassembly: DisassemblyCache,
  symbolize: Symbolize | undefined,
): ColumnData {
  const { rows, fetched, opcode, pc, el, vmid } = chunk;
  switch (name) {
    case 'pa':
    case 'opcode':
      return { values: chunk[name], validity: fetched.subarray(0, rows) };
    case 'mnemonic':
      return textColumn(rows, (row) =>
        fetched[row] ? disassembly.text(opcode[row], 0n).mnemonic : undefined,
      );
    case 'disassembly':
      return textColumn(rows, (row) =>
        fetched[row] ? disassembly.text(opcode[row], pc[row]).disassembly : undefined,
      );
    case 'symbol':
      return textColumn(rows, (row) => symbolize?.(pc[row], { el: el[row], vmid: vmid[row] }));
    case 'regime':
      return { values: chunk.regime, dictionary: REGIMES };
    default:
      return { values: chunk[name as 'icount' | 'cpu' | 'pc' | 'el' | 'vmid' | 'asid'] };
  }
}

export async function registerInstructions(
  connection: DuckDBConnection,
  recording: Recording,
  symbolize?: Symbolize,
): Promise<void> {
  const disassembly = await DisassemblyCache.load();
  registerScan(connection, {
    name: 'scan_instructions',
    columns: COLUMNS,
    rows: () => recording.instructions,
    *batches(names: readonly string[], range: IcountRange): Generator<Batch> {
      for (const chunk of expand(new FlowDecoder(recording), range, valuesFor(names))) {
        const columns = names.map((name) => [name, columnOf(name, chunk, disassembly, symbolize)]);
        yield { rows: chunk.rows, columns: Object.fromEntries(columns) };
      }
    },
  });
  await createViews(connection, 'instructions', COLUMNS);
}
