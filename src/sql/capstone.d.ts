/** What we use of @alexaltea/capstone-js, which brings no types. */
declare module '@alexaltea/capstone-js' {
  export interface Instruction {
    readonly mnemonic: string;
    readonly op_str: string;
  }
  export interface Disassembler {
    /** Throws a string when the bytes are no instruction. */
    disasm(code: Uint8Array, address: number | bigint): Instruction[];
  }
  export interface Capstone {
    readonly ARCH_ARM64: number;
    readonly MODE_ARM: number;
    readonly Capstone: new (arch: number, mode: number) => Disassembler;
  }
  export default function load(): Promise<Capstone>;
}
