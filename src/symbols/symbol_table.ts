/** Names and source lines of guest addresses, wherever they come from: an ELF file here, a guest's own tables later. */

export interface SymbolAt {
  readonly name: string;
  /** Bytes from the symbol's start. */
  readonly offset: number;
  /** Source file and line, from 1; both are there or neither. */
  readonly file?: string;
  readonly line?: number;
}

/** Whose virtual addresses: those of EL2, or those of EL1 and EL0 of a VM, whose VMID is 0 without a hypervisor. */
export interface AddressSpace {
  readonly el: number;
  readonly vmid: number;
}

export interface SymbolTable {
  /**
   * The function or object that holds a virtual address; undefined where none does. Without `space`, of whoever ran there. ELF files
   * do not know where they run and answer for every space.
   */
  at(address: bigint, space?: AddressSpace): SymbolAt | undefined;
  /** The virtual addresses of a symbol, the likeliest first; none where there is none of this name. */
  addresses(name: string): readonly bigint[];
}

/** Asks several tables, the first one first. */
export function joinSymbolTables(tables: readonly SymbolTable[]): SymbolTable {
  return {
    at(address, space) {
      for (const table of tables) {
        const found = table.at(address, space);
        if (found !== undefined) return found;
      }
      return undefined;
    },
    addresses: (name) => tables.flatMap((table) => table.addresses(name)),
  };
}
