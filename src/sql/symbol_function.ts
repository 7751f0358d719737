/**
 * `symbol(address)`: the function that an address belongs to; NULL where there is none. `symbol(address, el, vmid)`: as
 * `instructions.symbol` names it, of the software that ran at this exception level, in this VM.
 * Naming the few rows of a result costs nothing, where a join with `instructions` expands every instruction of the recording.
 */
import { type DuckDBConnection, DuckDBScalarFunction, UBIGINT, VARCHAR } from '@duckdb/node-api';
import type { Symbolize } from './instructions.ts';

export function registerSymbolFunction(connection: DuckDBConnection, symbolize: Symbolize | undefined): void {
  connection.registerScalarFunction(
    DuckDBScalarFunction.create({
      name: 'symbol',
      parameterTypes: [UBIGINT],
      varArgsType: UBIGINT,
      returnType: VARCHAR,
      mainFunction: (_info, input, output) => {
        const [addresses, els, vmids] = Array.from({ length: input.columnCount }, (_, i) =>
          input.getColumnVector(i),
        );
        const spaceAt = (row: number) =>
          els && { el: Number(els.getItem(row)), vmid: Number(vmids?.getItem(row) ?? 0) };
        for (let row = 0; row < input.rowCount; row++) {
          const address = addresses.getItem(row) as bigint | null;
          output.setItem(row, address === null ? null : (symbolize?.(address, spaceAt(row)) ?? null));
        }
        output.flush();
      },
    }),
  );
}

/** For docs/tables.md. */
export const SYMBOL_FUNCTION_SENTENCE =
  '`symbol(address)` names the function that a virtual address belongs to, and the offset in it; `symbol(address, el, vmid)` only if it ran at this exception level, in this VM.';
