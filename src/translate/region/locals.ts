import { type Local, type LocalCounts, local } from '../wasm/expression.ts';

/** Locals of a region's function. Parameter 0 is the budget. */
const i32 = [
  'budget',
  'atomPointer',
  'targetPointer',
  'accessPointer',
  'valuePointer',
  'registerPointer',
  /** Base of the inline data TLB. */
  'tlb',
  /** Address of the record that the interpreter goes on at, or 0: at the address in `target`. */
  'exit',
  /** The flags: flags.ts. */
  'flagsKind',
  'flagsChoice',
] as const;
const i64 = ['vaPage', 'target', 'flagsA', 'flagsB', 'x0'] as const;

/** x0 to x30 and SP stand in a row. */
const REGISTERS = 32;
/** Behind them: pool deltas that are guessed (guess.ts). */
export const MOST_GUESSES = 4;
export const TEMPORARIES = 64;
const FIRST_NARROW_GUESS = i32.length + TEMPORARIES;
const FIRST_I64 = FIRST_NARROW_GUESS + MOST_GUESSES;
const FIRST_GUESS = FIRST_I64 + i64.length - 1 + REGISTERS;
const FIRST_TEMPORARY_I64 = FIRST_GUESS + MOST_GUESSES;
/** Local of the n-th guess, as wide as addresses in the pool are. */
export const guessLocal = (n: number, width: 32 | 64): Local =>
  local((width === 32 ? FIRST_NARROW_GUESS : FIRST_GUESS) + n, width);
const FIRST_V128 = FIRST_TEMPORARY_I64 + TEMPORARIES;

export const LOCALS = Object.fromEntries([
  ...i32.map((name, n) => [name, n]),
  ...i64.map((name, n) => [name, FIRST_I64 + n]),
]) as { readonly [K in (typeof i32)[number] | (typeof i64)[number]]: number };

export const TEMPORARY_BASE: LocalCounts = {
  i32: i32.length,
  i64: FIRST_TEMPORARY_I64,
  v128: FIRST_V128,
  f32: FIRST_V128 + TEMPORARIES,
  f64: FIRST_V128 + 2 * TEMPORARIES,
};
/** Without the parameter. */
export const LOCAL_COUNTS = { i32: FIRST_I64 - 1, i64: FIRST_V128 - FIRST_I64 };
export const VECTOR_LOCAL_COUNTS = {
  ...LOCAL_COUNTS,
  v128: TEMPORARIES,
  f32: TEMPORARIES,
  f64: TEMPORARIES,
};
