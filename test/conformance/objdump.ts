/** Disassembly by Debian's objdump (binutils-aarch64-linux-gnu), many words in one run. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Disassembled {
  readonly word: number;
  /** Of this word in the batch: the n-th is at 4n. */
  readonly address: number;
  /** Canonical (no aliases), lower case; undefined for an unallocated word. */
  readonly mnemonic: string | undefined;
  /** Operands as printed, without comments. */
  readonly operands: string;
}

export function disassemble(words: readonly number[]): Disassembled[] {
  const folder = mkdtempSync(join(tmpdir(), 'hindsight-objdump-'));
  try {
    const file = join(folder, 'words.bin');
    writeFileSync(file, Buffer.from(Uint32Array.from(words).buffer));
    const options = ['-D', '-z', '-b', 'binary', '-m', 'aarch64', '-M', 'no-aliases'];
    const text = execFileSync('aarch64-linux-gnu-objdump', [...options, file], {
      maxBuffer: 2 ** 30,
    }).toString();
    const lines = [...text.matchAll(/^\s*([0-9a-f]+):\t([0-9a-f]{8})\s*\t(\S+)[ \t]*(.*)$/gm)];
    if (lines.length !== words.length) throw new Error(`${words.length} words gave ${lines.length} lines`);
    return lines.map(([, address, word, mnemonic, rest]) => ({
      word: Number.parseInt(word, 16),
      address: Number.parseInt(address, 16),
      mnemonic: mnemonic === '.inst' ? undefined : mnemonic,
      operands: rest.replace(/\s*(\/\/|;).*$/, ''),
    }));
  } finally {
    rmSync(folder, { recursive: true });
  }
}
