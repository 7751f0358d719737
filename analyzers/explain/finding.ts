/** What the rules for causes hand to the report. */
import type { Instruction } from '../../src/analysis/trace.ts';
import type { Kind } from './kinds.ts';

export interface Evidence {
  readonly sentence: string;
  readonly sql: string;
}

export interface Finding {
  readonly kind: Kind;
  /** The instruction that is to blame; undefined where none can be named. */
  readonly cause: Instruction | undefined;
  /** What it did, as a clause. */
  readonly did: string;
  /** The function whose mistake it is, where that is not the one of the instruction. */
  readonly owner?: string;
  /** How one comes from the symptom to the cause: one sentence each. */
  readonly because: readonly string[];
  readonly evidence: readonly Evidence[];
}
