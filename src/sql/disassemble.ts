/** Disassembly by Capstone, remembered: programs run few instructions many times. */
import loadCapstone, { type Disassembler } from '@alexaltea/capstone-js';

export interface Text {
  readonly mnemonic: string;
  /** Mnemonic and operands, as one text. */
  readonly disassembly: string;
}

/** Texts remembered; then all are forgotten. */
const REMEMBERED = 2 ** 18;

/** Whether an instruction's operands are printed as an address near it: ADR, ADRP, branches, literal loads. Arm ARM C4.1. */
export function dependsOnAddress(opcode: number): boolean {
  return (
    (opcode & 0x1f000000) >>> 0 === 0x10000000 ||
    (opcode & 0x7c000000) >>> 0 === 0x14000000 ||
    (opcode & 0x7c000000) >>> 0 === 0x34000000 ||
    (opcode & 0xfe000000) >>> 0 === 0x54000000 ||
    (opcode & 0x3b000000) >>> 0 === 0x18000000
  );
}

export class DisassemblyCache {
  readonly #capstone: Disassembler;
  readonly #texts = new Map<number, Text>();
  readonly #addressed = new Map<string, Text>();
  readonly #bytes = new Uint8Array(4);

  private constructor(capstone: Disassembler) {
    this.#capstone = capstone;
  }

  static async load(): Promise<DisassemblyCache> {
    const { Capstone, ARCH_ARM64, MODE_ARM } = await loadCapstone();
    return new DisassemblyCache(new Capstone(ARCH_ARM64, MODE_ARM));
  }

  /** `address` matters only where the operands are relative to it. */
  text(opcode: number, address: bigint): Text {
    if (!dependsOnAddress(opcode)) return this.#remember(this.#texts, opcode, opcode, 0n);
    return this.#remember(this.#addressed, `${opcode} ${address}`, opcode, address);
  }

  #remember<K>(texts: Map<K, Text>, key: K, opcode: number, address: bigint): Text {
    let text = texts.get(key);
    if (text === undefined) {
      if (texts.size === REMEMBERED) texts.clear();
      text = this.#disassemble(opcode, address);
      texts.set(key, text);
    }
    return text;
  }

  #disassemble(opcode: number, address: bigint): Text {
    new DataView(this.#bytes.buffer).setUint32(0, opcode, true);
    let mnemonic = '.inst';
    let operands = `0x${opcode.toString(16).padStart(8, '0')}`;
    try {
      const [instruction] = this.#capstone.disasm(this.#bytes, address);
      ({ mnemonic, op_str: operands } = instruction);
    } catch {
      // Not an instruction to Capstone: shown as its word.
    }
    return { mnemonic, disassembly: operands === '' ? mnemonic : `${mnemonic} ${operands}` };
  }
}
