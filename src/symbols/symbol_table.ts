/** Names and source lines of guest addresses, wherever they come from: an ELF file here, a guest's own tables later. */

export interface SymbolAt {
  readonly name: string;
  /** Bytes from the symbol's start. */
  readonly offset: number;
  /** Source file and line, from 1; both are there or neither. */
  readonly file?: string;
  readonly line?: number;
}

export interface SymbolTable {
  /** The function or object that holds a virtual address; undefined where none does. */
  at(address: bigint): SymbolAt | undefined;
  /** The virtual address of a symbol; undefined where there is none of this name. */
  address(name: string): bigint | undefined;
}

/** Asks several tables, the first one first. */
export function joinSymbolTables(tables: readonly SymbolTable[]): SymbolTable {
  const first = <T>(ask: (table: SymbolTable) => T | undefined): T | undefined => {
    for (const table of tables) {
      const answer = ask(table);
      if (answer !== undefined) return answer;
    }
    return undefined;
  };
  return {
    at: (address) => first((table) => table.at(address)),
    address: (name) => first((table) => table.address(name)),
  };
}
