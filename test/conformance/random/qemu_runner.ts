/** Runs a test image under QEMU, at full speed; RAM is a file, so that it can be read when QEMU has ended. */
import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { machineArguments, plugin, startQemu } from '../qemu/reference.ts';
import type { TestImage } from './image.ts';
import { RAM } from './layout.ts';

export interface QemuRunOptions {
  /** Seconds until SIGKILL. */
  readonly deadline?: number;
  /** As the long comparison runs QEMU: one instruction a block. */
  readonly singlestep?: boolean;
  readonly cpu?: string;
}

export interface Executed {
  readonly address: number;
  readonly opcode: number;
}

/** Runs to the image's power-off and hands `inspect` a reader of RAM. */
export async function runInQemu<T>(
  image: Pick<TestImage, 'pieces' | 'entry'>,
  inspect: (read: (address: number, length: number) => Uint8Array) => T,
  { deadline = 60, singlestep = false, cpu }: QemuRunOptions = {},
): Promise<{ result: T; executed: Executed[] }> {
  const directory = mkdtempSync(join(tmpdir(), 'hindsight-random-'));
  try {
    const ram = join(directory, 'ram');
    const blocks = join(directory, 'blocks');
    const load = image.pieces.map(({ address, bytes }, i) => {
      const file = join(directory, `piece${i}`);
      writeFileSync(file, bytes);
      return { file, address };
    });
    const args = machineArguments({ load, entry: image.entry, ramMiB: RAM.mebibytes, gic: 3, cpu });
    args[1] += ',memory-backend=ram';
    args.push('-object', `memory-backend-file,id=ram,size=${RAM.mebibytes}M,mem-path=${ram},share=on`);
    args.push('-accel', 'tcg', '-plugin', `${plugin()},mode=blocks,out=${blocks}`);
    if (singlestep) args.push('-singlestep');
    const { end } = startQemu(args, deadline);
    const { killed, stderr } = await end;
    if (killed) throw new Error(`QEMU did not end within ${deadline} s\n${stderr}`);
    const descriptor = openSync(ram, 'r');
    const read = (address: number, length: number) => {
      const bytes = new Uint8Array(length);
      readSync(descriptor, bytes, 0, length, address - RAM.base);
      return bytes;
    };
    const result = inspect(read);
    closeSync(descriptor);
    return { result, executed: readWords(blocks) };
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** Instruction words at each address that QEMU translated, once for each address. */
function readWords(path: string): Executed[] {
  const descriptor = openSync(path, 'r');
  const chunks: Buffer[] = [];
  for (;;) {
    const chunk = Buffer.alloc(1 << 20);
    const n = readSync(descriptor, chunk);
    if (n === 0) break;
    chunks.push(chunk.subarray(0, n));
  }
  closeSync(descriptor);
  const bytes = Buffer.concat(chunks);
  const entries = new BigUint64Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
  const words = new Map<bigint, number>();
  for (let i = 0; i + 1 < entries.length; i += 2) words.set(entries[i], Number(entries[i + 1]));
  return [...words].map(([address, opcode]) => ({ address: Number(address), opcode }));
}
