import type { DuckDBConnection } from '@duckdb/node-api';
import type { Recording } from '../trace/recording.ts';
export type Symbolize = (pc: bigint) => string | undefined;
export async function registerInstructions(
  _c: DuckDBConnection,
  _r: Recording,
  _s?: Symbolize,
): Promise<void> {}
