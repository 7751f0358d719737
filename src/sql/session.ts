/** A DuckDB session over a recording: its tables and views, queries, and their errors as users see them. */
import {
  type DuckDBConnection,
  DuckDBInstance,
  type DuckDBResult,
  type DuckDBValue,
  type JS,
} from '@duckdb/node-api';
import { openRecording, type Recording } from '../trace/recording.ts';
import { UserError } from '../user-error.ts';
import { registerConsoleLines } from './console_lines.ts';
import { registerExits } from './exits.ts';
import { registerInstructions, type Symbolize } from './instructions.ts';
import { registerMemoryAccesses } from './memory_accesses.ts';
import { registerSymbolFunction } from './symbol_function.ts';
import { registerTables } from './tables.ts';

export type Row = { readonly [column: string]: JS };
export type Parameters = DuckDBValue[] | Record<string, DuckDBValue>;

export interface SessionOptions {
  /** Names an address, for `symbol(address)` and the column `symbol` of `instructions`. */
  readonly symbolize?: Symbolize;
}

export class Session {
  readonly recording: Recording;
  readonly #instance: DuckDBInstance;
  readonly #connection: DuckDBConnection;

  private constructor(recording: Recording, instance: DuckDBInstance, connection: DuckDBConnection) {
    this.recording = recording;
    this.#instance = instance;
    this.#connection = connection;
  }

  /** Opens a recording; a UserError says what is wrong with it. */
  static async open(path: string, options: SessionOptions = {}): Promise<Session> {
    const recording = openRecording(path);
    const instance = await DuckDBInstance.create(':memory:');
    const connection = await instance.connect();
    await registerTables(connection, recording);
    registerSymbolFunction(connection, options.symbolize);
    await registerInstructions(connection, recording, options.symbolize);
    await registerMemoryAccesses(connection, recording);
    await registerExits(connection, recording);
    await registerConsoleLines(connection, recording);
    return new Session(recording, instance, connection);
  }

  /** All rows of a query as objects: 64-bit integers are BigInt, bytes Uint8Array, lists arrays. */
  async sql(text: string, parameters?: Parameters): Promise<Row[]> {
    const result = await this.stream(text, parameters);
    return (await translated(() => result.getRowObjectsJS())) as Row[];
  }

  /** The result of a query, fetched as it is read. Read it within `translated`. */
  async stream(text: string, parameters?: Parameters): Promise<DuckDBResult> {
    return translated(() => this.#connection.stream(text, parameters));
  }

  close(): void {
    this.#connection.closeSync();
    this.#instance.closeSync();
    this.recording.close();
  }
}

/** DuckDB's error as one line for the user: the first line of its message, and the line of the statement that it points at. */
export async function translated<T>(query: () => Promise<T>): Promise<T> {
  try {
    return await query();
  } catch (error) {
    if (error instanceof UserError) throw error;
    const [first, ...rest] = (error as Error).message.split('\n').map((line) => line.trim());
    const hints = rest.filter((line) => line !== '' && !/^\^$/.test(line));
    throw new UserError(`SQL: ${[first, ...hints].join(' ')}`);
  }
}
