/** AT: translations that software asks for, and PAR_EL1. Arm ARM C5.4, D19.2.110 (PAR_EL1). */
import { type Fault, faultStatusCode } from '../cpu/fault.ts';
import {
  combineAttributes,
  forcedAttributes,
  type MemoryAttributes,
  stage1Attributes,
  stage1OffAttributes,
  stage2Attributes,
} from './attributes.ts';
import type { Regime } from './regime.ts';
import type { TranslationRequest } from './translation.ts';
import type { Walker } from './walker.ts';

export const AT_OPERATIONS = [
  'S1E1R',
  'S1E1W',
  'S1E0R',
  'S1E0W',
  'S1E1RP',
  'S1E1WP',
  'S1E2R',
  'S1E2W',
  'S12E1R',
  'S12E1W',
  'S12E0R',
  'S12E0W',
] as const;
export type AtOperation = (typeof AT_OPERATIONS)[number];

/** The value of PAR_EL1; or the exception that the instruction takes instead, a data abort with CM and WnR set. */
export type AtResult =
  | { readonly par: bigint; readonly exception: null }
  | { readonly par: null; readonly exception: { readonly fault: Fault; readonly targetEl: 1 | 2 } };

export interface AtMeaning {
  readonly request: Omit<TranslationRequest, 'va'>;
  readonly stages: 1 | 2;
}

/** The P forms obey PSTATE.PAN; the others do not (D8.4.1). */
export function decodeAt(operation: AtOperation, pan: boolean): AtMeaning {
  const [, stages, el, kind, obeysPan] = /^S(12?)E(\d)(\w)(P?)$/.exec(operation)!;
  return {
    request: {
      kind: kind === 'R' ? 'read' : 'write',
      el: Number(el) as 0 | 1 | 2,
      pan: obeysPan === 'P' && pan,
    },
    stages: stages === '12' ? 2 : 1,
  };
}

/**
 * What a finished translation means for AT. Two kinds of fault are exceptions instead of a result: an external abort on a
 * walk; and, for an EL1 that asked for stage 1, a stage 2 fault on the walk, which is for the hypervisor at EL2.
 */
export function atResult(
  walker: Walker,
  regime: Regime,
  fault: Fault | null,
  stages: 1 | 2,
  currentEl: 1 | 2,
): AtResult {
  if (fault === null) return { par: successfulPar(walker, regime, stages), exception: null };
  if (fault.s1ptw && currentEl === 1) return { par: null, exception: { fault, targetEl: 2 } };
  if (fault.type === 'external') return { par: null, exception: { fault, targetEl: currentEl } };
  return { par: faultingPar(fault), exception: null };
}

const RES1 = 1n << 11n;
/** Non-secure: UNKNOWN after a Non-secure regime; 1 here, as in QEMU. */
const NS = 1n << 9n;

function successfulPar(walker: Walker, regime: Regime, stages: 1 | 2): bigint {
  const { attribute, shareability } = resultingAttributes(walker, regime, stages);
  const page = BigInt(walker.pa - (walker.pa % 4096));
  return (BigInt(attribute) << 56n) | page | RES1 | NS | (BigInt(shareability) << 7n);
}

function faultingPar(fault: Fault): bigint {
  const stage2 = fault.stage === 2 ? 1 << 9 : 0;
  const walk = fault.s1ptw ? 1 << 8 : 0;
  return BigInt(1 | (faultStatusCode(fault) << 1) | walk | stage2) | RES1;
}

function resultingAttributes(walker: Walker, regime: Regime, stages: 1 | 2): MemoryAttributes {
  const { stage1, stage2, defaultCacheable } = regime;
  const first =
    stage1 !== null ? stage1Attributes(walker.stage1!, stage1) : stage1OffAttributes(defaultCacheable);
  if (stages === 1 || stage2 === null) return first;
  const walk = walker.stage2.at(-1)!;
  if (stage2.forceWriteBack) return forcedAttributes(first, walk, stage2);
  return combineAttributes(first, stage2Attributes(walk, stage2));
}
