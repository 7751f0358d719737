/** Runs a test image under QEMU, at full speed; RAM is a file, so that it can be read when QEMU has ended. */
import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { machineArguments, startQemu } from '../qemu/reference.ts';
import type { TestImage } from './image.ts';
import { RAM } from './layout.ts';

/** `cpu`: as -cpu takes it. `deadline`: seconds until SIGKILL. */
export interface QemuRunOptions {
  readonly deadline?: number;
  readonly cpu?: string;
}

export interface QemuRun<T> {
  readonly result: T;
  /** False where the deadline was reached. */
  readonly ended: boolean;
}

/** Runs to the image's power-off, or the deadline, and hands `inspect` a reader of RAM. */
export async function runInQemu<T>(
  image: Pick<TestImage, 'pieces' | 'entry'>,
  inspect: (read: (address: number, length: number) => Uint8Array) => T,
  { deadline = 60, cpu }: QemuRunOptions = {},
): Promise<QemuRun<T>> {
  const directory = mkdtempSync(join(tmpdir(), 'hindsight-random-'));
  try {
    const ram = join(directory, 'ram');
    const load = image.pieces.map(({ address, bytes }, i) => {
      const file = join(directory, `piece${i}`);
      writeFileSync(file, bytes);
      return { file, address };
    });
    const args = machineArguments({ load, entry: image.entry, ramMiB: RAM.mebibytes, gic: 3, cpu });
    args[1] += ',memory-backend=ram';
    args.push('-object', `memory-backend-file,id=ram,size=${RAM.mebibytes}M,mem-path=${ram},share=on`);
    args.push('-accel', 'tcg');
    const { killed } = await startQemu(args, deadline).end;
    const descriptor = openSync(ram, 'r');
    const read = (address: number, length: number) => {
      const bytes = new Uint8Array(length);
      readSync(descriptor, bytes, 0, length, address - RAM.base);
      return bytes;
    };
    const result = inspect(read);
    closeSync(descriptor);
    return { result, ended: !killed };
  } finally {
    rmSync(directory, { recursive: true });
  }
}
