/**
 * `symbol(address)`: the function that an address belongs to, as `instructions.symbol` names it; NULL where there is none.
 * Naming the few rows of a result costs nothing, where a join with `instructions` expands every instruction of the recording.
 */
import { type DuckDBConnection, DuckDBScalarFunction, UBIGINT, VARCHAR } from '@duckdb/node-api';
import type { Symbolize } from './instructions.ts';

export function registerSymbolFunction(connection: DuckDBConnection, symbolize: Symbolize | undefined): void {
  connection.registerScalarFunction(
    DuckDBScalarFunction.create({
      name: 'symbol',
      parameterTypes: [UBIGINT],
      returnType: VARCHAR,
      mainFunction: (_info, input, output) => {
        const addresses = input.getColumnVector(0);
        for (let row = 0; row < input.rowCount; row++) {
          const address = addresses.getItem(row) as bigint | null;
          output.setItem(row, address === null ? null : (symbolize?.(address) ?? null));
        }
        output.flush();
      },
    }),
  );
}

/** For docs/tables.md. */
export const SYMBOL_FUNCTION_SENTENCE =
  '`symbol(address)` names the function that a virtual address belongs to, and the offset in it.';
