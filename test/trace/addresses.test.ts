import fc from 'fast-check';
import { expect, test } from 'vitest';
import { MAX_TOKEN_BYTES } from '../../src/trace/addresses.ts';
import { decodeAddresses } from '../../src/trace/decode/addresses.ts';
import { ENCODER_BYTES, ENCODER_SLACK, PacketEncoder } from '../../src/trace/encode/packet_encoder.ts';

const MOST = 4000;
const BASE = 8 * MOST + 64;
const RESULT = BASE + ENCODER_BYTES;
const pages = Math.ceil((RESULT + MOST * MAX_TOKEN_BYTES + ENCODER_SLACK) / 65536);
const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
const encoder = new PacketEncoder(memory, BASE);

function encode(addresses: BigUint64Array): Uint8Array {
  new BigUint64Array(memory.buffer).set(addresses);
  return new Uint8Array(memory.buffer).slice(RESULT, encoder.encodeAddresses(0, addresses.length, RESULT));
}

/** Steps of programs: small and large strides, page and 4 GiB borders, jumps anywhere in 48 bits. */
const address = fc.oneof(
  fc.bigInt({ min: 0n, max: 2n ** 48n - 1n }),
  fc.bigInt({ min: 0x4000_0000n, max: 0x4000_4000n }),
  fc.bigInt({ min: 2n ** 32n - 300n, max: 2n ** 32n + 300n }),
  fc.bigInt({ min: 2n ** 48n - 300n, max: 2n ** 48n - 1n }),
  fc.bigInt({ min: 0n, max: 300n }),
);

test('any addresses of 48 bits decode to themselves', () => {
  fc.assert(
    fc.property(fc.array(address, { maxLength: 400 }), (list) => {
      const addresses = BigUint64Array.from(list);
      expect(decodeAddresses(encode(addresses), addresses.length)).toEqual(addresses);
    }),
    { numRuns: 500 },
  );
});

test('bits above the 48th are left out', () => {
  expect(decodeAddresses(encode(BigUint64Array.of(0xabcd_1234_5678_9abcn)), 1)).toEqual(
    BigUint64Array.of(0x1234_5678_9abcn),
  );
});

test('bytes that are no such packet are told from one, and never read past their end', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), fc.nat(80), (bytes, count) => {
      const decoded = decodeAddresses(bytes, count);
      if (decoded !== undefined) expect(decoded.length).toBe(count);
    }),
  );
  const bytes = encode(BigUint64Array.of(0x4000_0000n, 0x4000_0008n, 0x7fff_0000_0000n));
  expect(decodeAddresses(bytes, 2)).toBeUndefined();
  expect(decodeAddresses(bytes, 4)).toBeUndefined();
  expect(decodeAddresses(bytes.subarray(0, -1), 3)).toBeUndefined();
});

test('a loop over an array and a stack costs little more than a byte an address', () => {
  const addresses = BigUint64Array.from({ length: 3000 }, (_, i) =>
    BigInt(i % 3 === 0 ? 0x4000_0000 + 8 * (i / 3) : 0x4800_0f00 - 8 * (i % 3)),
  );
  expect(encode(addresses).length / addresses.length).toBeLessThan(1.05);
});
