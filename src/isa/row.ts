/**
 * One row of the instruction table: an encoding and everything that is derived from it.
 */
import type { Emitter, Register, Value } from './emitter.ts';
import { type Fields, type FieldsOf, type Pattern, parsePattern } from './pattern.ts';
import type { VectorRegister } from './vector_emitter.ts';

/** Architectural features, by the Arm ARM's names; `base` is Armv8.0-A A64 without FP, AdvSIMD, CRC32, crypto. */
export type Feature = 'base' | 'FP' | 'AdvSIMD' | 'CRC32' | 'AES' | 'SHA1' | 'SHA256' | (string & {});

/** Field names that are general registers. */
export const REGISTER_NAMES = ['rd', 'rn', 'rm', 'ra', 'rt', 'rt2', 'rs'] as const;
export type RegisterName = (typeof REGISTER_NAMES)[number];
/** Field names that are SIMD and floating-point registers. */
export const VECTOR_REGISTER_NAMES = ['vd', 'vn', 'vm', 'va', 'vt', 'vt2'] as const;
export type VectorRegisterName = (typeof VECTOR_REGISTER_NAMES)[number];

/** Whether a row's instructions are subject to the traps of SIMD and floating point. */
export const usesVectors = ({ pattern }: Row): boolean =>
  pattern.fields.some(({ name }) => VECTOR_REGISTER_NAMES.includes(name as VectorRegisterName));

/**
 * What a semantics function receives. Shape values are numbers known when code is generated; register fields are
 * Registers; `imm` is the row's derived 64-bit constant; bytes are the row's derived small constants.
 */
export type Operands<F extends string, S extends object, B extends object> = S & {
  readonly [K in F & RegisterName]: Register;
} & { readonly [K in F & VectorRegisterName]: VectorRegister } & { readonly [K in keyof B]: Value<32> } & {
  readonly imm: Value<64>;
};

/** ISS[23:14] of a data abort on this instruction when it is a single-register transfer without writeback. */
export interface Transfer {
  /** log2 of the access size in bytes. */
  readonly sas: number;
  /** Sign-extending load. */
  readonly sse: boolean;
  /** The register transferred. */
  readonly srt: number;
  /** The register is 64 bits wide. */
  readonly sf: boolean;
  /** Acquire or release. */
  readonly ar: boolean;
}

export interface RowSpec<
  F extends string,
  S extends object,
  B extends { [name: string]: (f: Fields<F>) => number },
> {
  /** Architectural feature; `base` when absent. */
  readonly feature?: Feature;
  /** The few values that change the form of the code (widths, sizes, opcodes): one handler per distinct result. */
  readonly shape?: (f: Fields<F>) => S;
  /** A 64-bit constant derived from the fields when the instruction is decoded (sign-extended when negative). */
  readonly imm?: (f: Fields<F>) => number | bigint;
  /** Small constants (0..255) derived from the fields when the instruction is decoded. */
  readonly bytes?: B;
  /** True for field values that are unallocated (or another row's): the pattern does not match then. */
  readonly unallocated?: (f: Fields<F>) => boolean;
  /** For the syndrome of a stage 2 data abort. */
  readonly transfer?: (f: Fields<F>) => Transfer | undefined;
  /** Names of rows that this one takes encodings from: this row wins. Everything else must not overlap. */
  readonly before?: readonly string[];
}

/** A row with its types erased, as the derived parts use it. */
export interface Row {
  readonly name: string;
  readonly pattern: Pattern;
  readonly feature: Feature;
  readonly shape: (f: Fields) => { readonly [name: string]: unknown };
  readonly imm: ((f: Fields) => number | bigint) | undefined;
  readonly bytes: { readonly [name: string]: (f: Fields) => number };
  readonly unallocated: ((f: Fields) => boolean) | undefined;
  readonly transfer: ((f: Fields) => Transfer | undefined) | undefined;
  readonly before: readonly string[];
  /** Absent: in the table, not implemented. */
  readonly execute: ((operands: never, e: Emitter) => void) | undefined;
}

/**
 * Declares an encoding. Names are the Arm ARM's encoding names, mnemonic first: `ADD_imm`, `LDR_imm_post`.
 * The semantics function is called once per shape by the interpreter's generator, once per translated instruction
 * by the region translator, and once per executed instruction by the evaluator.
 */
export function row<
  const P extends string,
  S extends object = object,
  B extends { [name: string]: (f: Fields<FieldsOf<P>>) => number } = Record<never, never>,
>(
  name: string,
  pattern: P,
  spec: RowSpec<FieldsOf<P>, S, B>,
  execute?: (operands: Operands<FieldsOf<P>, S, B>, e: Emitter) => void,
): Row {
  return {
    name,
    pattern: parsePattern(pattern),
    feature: spec.feature ?? 'base',
    shape: (spec.shape ?? (() => ({}))) as Row['shape'],
    imm: spec.imm as Row['imm'],
    bytes: (spec.bytes ?? {}) as Row['bytes'],
    unallocated: spec.unallocated as Row['unallocated'],
    transfer: spec.transfer as Row['transfer'],
    before: spec.before ?? [],
    execute: execute as Row['execute'],
  };
}
