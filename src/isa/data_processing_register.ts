/** One source, two source (divide, variable shifts) and three source (multiply). Arm ARM C4.1.89. */
import type { Emitter, Register, Value, Width } from './emitter.ts';
import type { Fields } from './pattern.ts';
import {
  countLeadingSignBits,
  eitherWidth,
  reverseBits,
  reverseBytes,
  shiftValue,
  widthOf,
} from './pseudocode.ts';
import { row } from './row.ts';

interface OneSource {
  width: Width;
  rn: Register;
  rd: Register;
}
const oneSource =
  (operation: (e: Emitter, width: Width, value: Value) => Value) =>
  ({ width, rn, rd }: OneSource, e: Emitter) =>
    e.setX(rd, operation(e, width, e.x(rn, width)));

const rbit = oneSource(reverseBits);
const rev16 = oneSource((e, width, value) => reverseBytes(e, width, value, 16));
const rev32 = oneSource((e, width, value) => reverseBytes(e, width, value, 32));
const clz = oneSource((e, _width, value) => e.countLeadingZeros(value));
const cls = oneSource(countLeadingSignBits);

const twoSource =
  (operation: (e: Emitter, a: Value, b: Value) => Value) =>
  ({ width, rm, rn, rd }: OneSource & { rm: Register }, e: Emitter) =>
    e.setX(rd, operation(e, e.x(rn, width), e.x(rm, width)));

const udiv = twoSource((e, a, b) => e.divUnsigned(a, b));
const sdiv = twoSource((e, a, b) => e.divSigned(a, b));
const lslv = twoSource((e, a, b) => shiftValue(e, 'lsl', a, b));
const lsrv = twoSource((e, a, b) => shiftValue(e, 'lsr', a, b));
const asrv = twoSource((e, a, b) => shiftValue(e, 'asr', a, b));
const rorv = twoSource((e, a, b) => shiftValue(e, 'ror', a, b));

/** Adding to the zero register is MUL, SMULL, UMULL: a form of its own. */
const accumulating = { shape: ({ ra }: Fields<'ra'>) => ({ accumulate: ra !== 31 }) };
const accumulatingEitherWidth = {
  shape: ({ sf, ra }: Fields<'sf' | 'ra'>) => ({ width: widthOf(sf), accumulate: ra !== 31 }),
};
interface ThreeSource {
  accumulate: boolean;
  ra: Register;
  rm: Register;
  rn: Register;
  rd: Register;
}
type Accumulation = 'add' | 'sub';

const multiply =
  (accumulation: Accumulation) =>
  ({ width, accumulate, ra, rm, rn, rd }: ThreeSource & { width: Width }, e: Emitter) => {
    const product = e.mul(e.x(rn, width), e.x(rm, width));
    if (!accumulate && accumulation === 'add') return e.setX(rd, product);
    e.setX(rd, e[accumulation](e.x(ra, width), product));
  };

const multiplyLong =
  (extend: 'signExtend' | 'zeroExtend', accumulation: Accumulation) =>
  ({ accumulate, ra, rm, rn, rd }: ThreeSource, e: Emitter) => {
    const product = e.mul(e[extend](64, e.x(rn, 32), 32), e[extend](64, e.x(rm, 32), 32));
    if (!accumulate && accumulation === 'add') return e.setX(rd, product);
    e.setX(rd, e[accumulation](e.x(ra, 64), product));
  };

const multiplyHigh =
  (operation: 'mulHighSigned' | 'mulHighUnsigned') =>
  ({ rm, rn, rd }: Pick<ThreeSource, 'rm' | 'rn' | 'rd'>, e: Emitter) =>
    e.setX(rd, e[operation](e.x(rn, 64), e.x(rm, 64)));

// biome-ignore format: a table
export const dataProcessingRegister = [
  // Data-processing (1 source)
  row('RBIT',    'sf:1 1 0 11010110 00000 000000 rn:5 rd:5', eitherWidth, rbit),
  row('REV16',   'sf:1 1 0 11010110 00000 000001 rn:5 rd:5', eitherWidth, rev16),
  row('REV_32',  '0    1 0 11010110 00000 000010 rn:5 rd:5', {}, ({ rn, rd }, e) => rev32({ width: 32, rn, rd }, e)),
  row('REV32',   '1    1 0 11010110 00000 000010 rn:5 rd:5', {}, ({ rn, rd }, e) => rev32({ width: 64, rn, rd }, e)),
  row('REV_64',  '1    1 0 11010110 00000 000011 rn:5 rd:5', {},
    ({ rn, rd }, e) => e.setX(rd, reverseBytes(e, 64, e.x(rn, 64), 64))),
  row('CLZ',     'sf:1 1 0 11010110 00000 000100 rn:5 rd:5', eitherWidth, clz),
  row('CLS',     'sf:1 1 0 11010110 00000 000101 rn:5 rd:5', eitherWidth, cls),

  // Data-processing (2 source)
  row('UDIV',    'sf:1 0 0 11010110 rm:5 000010 rn:5 rd:5', eitherWidth, udiv),
  row('SDIV',    'sf:1 0 0 11010110 rm:5 000011 rn:5 rd:5', eitherWidth, sdiv),
  row('LSLV',    'sf:1 0 0 11010110 rm:5 001000 rn:5 rd:5', eitherWidth, lslv),
  row('LSRV',    'sf:1 0 0 11010110 rm:5 001001 rn:5 rd:5', eitherWidth, lsrv),
  row('ASRV',    'sf:1 0 0 11010110 rm:5 001010 rn:5 rd:5', eitherWidth, asrv),
  row('RORV',    'sf:1 0 0 11010110 rm:5 001011 rn:5 rd:5', eitherWidth, rorv),

  // Data-processing (3 source). SMULH and UMULH ignore Ra, which should be ones.
  row('MADD',    'sf:1 00 11011 000 rm:5 0 ra:5 rn:5 rd:5', accumulatingEitherWidth, multiply('add')),
  row('MSUB',    'sf:1 00 11011 000 rm:5 1 ra:5 rn:5 rd:5', accumulatingEitherWidth, multiply('sub')),
  row('SMADDL',  '1    00 11011 001 rm:5 0 ra:5 rn:5 rd:5', accumulating, multiplyLong('signExtend', 'add')),
  row('SMSUBL',  '1    00 11011 001 rm:5 1 ra:5 rn:5 rd:5', accumulating, multiplyLong('signExtend', 'sub')),
  row('SMULH',   '1    00 11011 010 rm:5 0 sbo:5 rn:5 rd:5', {}, multiplyHigh('mulHighSigned')),
  row('UMADDL',  '1    00 11011 101 rm:5 0 ra:5 rn:5 rd:5', accumulating, multiplyLong('zeroExtend', 'add')),
  row('UMSUBL',  '1    00 11011 101 rm:5 1 ra:5 rn:5 rd:5', accumulating, multiplyLong('zeroExtend', 'sub')),
  row('UMULH',   '1    00 11011 110 rm:5 0 sbo:5 rn:5 rd:5', {}, multiplyHigh('mulHighUnsigned')),
];
