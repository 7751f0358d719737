/** CRC32 (FEAT_CRC32). Arm ARM C4.1.89, data-processing (2 source). */
import type { Emitter, Register } from './emitter.ts';
import { row } from './row.ts';

/** The polynomials 0x04c11db7 and 0x1edc6f41, lowest bit first. */
const IEEE = 0xedb8_8320;
const CASTAGNOLI = 0x82f6_3b78;
const checksum =
  (polynomial: number, bits: 8 | 16 | 32 | 64) =>
  ({ rn, rm, rd }: { rn: Register; rm: Register; rd: Register }, e: Emitter) =>
    e.setX(rd, e.crc32(polynomial, bits, e.x(rn, 32), e.x(rm, 64)));

// biome-ignore format: a table
export const crc32 = [
  row('CRC32B',  '0 0 0 11010110 rm:5 010 000 rn:5 rd:5', { feature: 'CRC32' }, checksum(IEEE, 8)),
  row('CRC32H',  '0 0 0 11010110 rm:5 010 001 rn:5 rd:5', { feature: 'CRC32' }, checksum(IEEE, 16)),
  row('CRC32W',  '0 0 0 11010110 rm:5 010 010 rn:5 rd:5', { feature: 'CRC32' }, checksum(IEEE, 32)),
  row('CRC32X',  '1 0 0 11010110 rm:5 010 011 rn:5 rd:5', { feature: 'CRC32' }, checksum(IEEE, 64)),
  row('CRC32CB', '0 0 0 11010110 rm:5 010 100 rn:5 rd:5', { feature: 'CRC32' }, checksum(CASTAGNOLI, 8)),
  row('CRC32CH', '0 0 0 11010110 rm:5 010 101 rn:5 rd:5', { feature: 'CRC32' }, checksum(CASTAGNOLI, 16)),
  row('CRC32CW', '0 0 0 11010110 rm:5 010 110 rn:5 rd:5', { feature: 'CRC32' }, checksum(CASTAGNOLI, 32)),
  row('CRC32CX', '1 0 0 11010110 rm:5 010 111 rn:5 rd:5', { feature: 'CRC32' }, checksum(CASTAGNOLI, 64)),
];
