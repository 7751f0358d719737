import type { Filled } from '../../src/machine/raw_buffers.ts';

/** What a recording buffer holds. */
export const contents = <T extends Uint8Array | BigUint64Array>({ elements, count }: Filled<T>): T =>
  elements.subarray(0, count) as T;

/** What a machine's memory is to a recorder, where there is no machine. */
export const packetMemory = new WebAssembly.Memory({ initial: 64, maximum: 64, shared: true });
let used = 0;

/** A buffer in that memory that holds an array, until some megabytes more are held. */
export function holding<T extends Uint8Array | BigUint64Array>(elements: T): Filled<T> {
  const { buffer } = packetMemory;
  if (used + elements.byteLength + 64 > buffer.byteLength) used = 0;
  const made =
    elements instanceof Uint8Array
      ? new Uint8Array(buffer, used, elements.length)
      : new BigUint64Array(buffer, used, elements.length);
  (made as Uint8Array).set(elements as Uint8Array);
  used += Math.ceil(elements.byteLength / 8) * 8;
  return { elements: made as T, count: elements.length };
}
