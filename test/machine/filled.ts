import type { Filled } from '../../src/machine/raw_buffers.ts';

/** What a recording buffer holds. */
export const contents = <T extends Uint8Array | BigUint64Array>({ elements, count }: Filled<T>): T =>
  elements.subarray(0, count) as T;

/** A buffer that holds an array, and nothing else. */
export const holding = <T extends { readonly length: number }>(elements: T): Filled<T> => ({
  elements,
  count: elements.length,
});
