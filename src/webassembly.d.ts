/** The part of the WebAssembly JavaScript interface that we use; TypeScript declares it only together with a browser's DOM. */
declare namespace WebAssembly {
  interface MemoryDescriptor {
    /** In pages of 64 KiB; BigInts when the address type is i64. */
    initial: number | bigint;
    maximum: number | bigint;
    shared: boolean;
    address?: 'i32' | 'i64';
  }
  class Memory {
    constructor(descriptor: MemoryDescriptor);
    readonly buffer: SharedArrayBuffer;
  }
  class Table {
    constructor(descriptor: { element: 'anyfunc'; initial: number; maximum?: number });
    get(index: number): unknown;
    set(index: number, value: unknown): void;
    grow(by: number): number;
    readonly length: number;
  }
  class Global {
    constructor(descriptor: { value: 'i32' | 'i64'; mutable?: boolean }, value: number | bigint);
    value: number | bigint;
  }
  class Module {
    constructor(bytes: Uint8Array);
  }
  type Imports = { readonly [module: string]: { readonly [name: string]: unknown } };
  class Instance {
    constructor(module: Module, imports?: Imports);
    readonly exports: { readonly [name: string]: unknown };
  }
  function compile(bytes: Uint8Array): Promise<Module>;
}
