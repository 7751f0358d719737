/** `node --import ./slow_disk.ts …`: what a worker thread, the trace writer, writes takes as long as on a slow disk, 1 MB a second. */
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { isMainThread } from 'node:worker_threads';

const BYTES_A_MS = 1000;
const never = new Int32Array(new SharedArrayBuffer(4));

if (!isMainThread) {
  const plain = fs.writeSync;
  fs.writeSync = ((fd: number, bytes: Uint8Array, offset: number, length: number) => {
    Atomics.wait(never, 0, 0, length / BYTES_A_MS);
    return plain(fd, bytes, offset, length);
  }) as typeof fs.writeSync;
  syncBuiltinESMExports();
}
