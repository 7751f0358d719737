/**
 * Floating point, exact: every operation computes with integers of any size and rounds once, as the Arm ARM defines it. The
 * reference evaluator uses nothing else; translated code comes here for what its own arithmetic cannot give exactly.
 *
 * An operation costs one to three microseconds.
 */
import { FLOAT_FUNCTIONS, type FloatOperation, type Rounding } from '../../isa/float_operation.ts';
import type { CpuState } from '../state.ts';
import { slotOf } from '../sysregs/table.ts';
import { add, div, extreme, extremeNumber, mul, mulAdd, mulAddHalf, sqrt, stepFused } from './arithmetic.ts';
import { bfAdd, bfMul } from './bfloat16.ts';
import { compare, convert, fromFixed, roundInt, roundIntN, toFixed, toFixedJS } from './conversions.ts';
import {
  floatRecipEstimate,
  floatRsqrtEstimate,
  recipExponent,
  unsignedRecipEstimate,
  unsignedRsqrtEstimate,
} from './estimates.ts';
import { BFLOAT16, controlOf, type Environment, FORMATS, formatInConversion } from './format.ts';

const FPCR = 2 * slotOf('FPCR');
const FPSR = 2 * slotOf('FPSR');

/** Operands as bit patterns; those that an operation does not have are ignored. Obeys FPCR, accumulates in FPSR. */
export function floatOperation(
  state: CpuState,
  operation: FloatOperation,
  a: bigint,
  b: bigint,
  c: bigint,
): bigint {
  const env = { control: controlOf(state.u32[FPCR]), flags: 0 };
  const result = compute(env, operation, a, b, c);
  state.u32[FPSR] |= env.flags;
  return result;
}

/** The operation in a given environment; its flags are added to the environment's. */
export function compute(
  env: Environment,
  { name, size, to = size, rounding, unsigned = false, exact = false }: FloatOperation,
  x: bigint,
  y: bigint,
  z: bigint,
): bigint {
  const f = FORMATS[size];
  const [a, b, c] = [BigInt.asUintN(size, x), BigInt.asUintN(size, y), BigInt.asUintN(size, z)];
  const by = (rounding === undefined || rounding === 'current' ? env.control.rounding : rounding) as Exclude<
    Rounding,
    'current'
  >;
  switch (name) {
    case 'add':
      return add(env, f, a, b, false);
    case 'sub':
      return add(env, f, a, b, true);
    case 'mul':
      return mul(env, f, a, b, false);
    case 'mulExtended':
      return mul(env, f, a, b, true);
    case 'div':
      return div(env, f, a, b);
    case 'sqrt':
      return sqrt(env, f, a);
    case 'mulAdd':
      return mulAdd(env, f, a, b, c);
    case 'mulAddHalf':
      return mulAddHalf(env, a, BigInt.asUintN(16, y), BigInt.asUintN(16, z));
    case 'mulBF':
      return bfMul(a, b);
    case 'addBF':
      return bfAdd(a, b);
    case 'max':
      return extreme(env, f, a, b, true);
    case 'min':
      return extreme(env, f, a, b, false);
    case 'maxNumber':
      return extremeNumber(env, f, a, b, true);
    case 'minNumber':
      return extremeNumber(env, f, a, b, false);
    case 'recipStepFused':
      return stepFused(env, f, a, b, 2n, 0);
    case 'rsqrtStepFused':
      return stepFused(env, f, a, b, 3n, 1);
    case 'recipEstimate':
      return floatRecipEstimate(env, f, a);
    case 'rsqrtEstimate':
      return floatRsqrtEstimate(env, f, a);
    case 'recipExponent':
      return recipExponent(env, f, a);
    case 'roundInt':
      return roundInt(env, f, a, by, exact);
    case 'roundIntN':
      return roundIntN(env, f, a, by, to);
    case 'toFixed':
      return toFixed(env, f, a, Number(y), to, unsigned, by);
    case 'toFixedJS':
      return toFixedJS(env, a);
    case 'fromFixed':
      return fromFixed(env, f, x, Number(y), to, unsigned);
    case 'convert':
      return convert(env, formatInConversion(env.control, size), formatInConversion(env.control, to), a, by);
    case 'convertBF':
      return convert(env, f, BFLOAT16, a, by);
    case 'compare':
      return compare(env, f, a, b, exact);
    case 'compareEqual':
      return compare(env, f, a, b, false) === 0b0110n ? 1n : 0n;
    case 'compareGreaterEqual':
      return [0b0110n, 0b0010n].includes(compare(env, f, a, b, true)) ? 1n : 0n;
    case 'compareGreater':
      return compare(env, f, a, b, true) === 0b0010n ? 1n : 0n;
    case 'unsignedRecipEstimate':
      return unsignedRecipEstimate(Number(BigInt.asUintN(32, x)));
    case 'unsignedRsqrtEstimate':
      return unsignedRsqrtEstimate(Number(BigInt.asUintN(32, x)));
    default:
      throw new Error(`no floating-point operation ${name} among ${FLOAT_FUNCTIONS.length}`);
  }
}
