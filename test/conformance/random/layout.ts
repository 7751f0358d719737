/** Where everything stands in a test image. Physical addresses; all of it is mapped one to one. */

/** Driver, vectors, saved state, tables: one 2 MiB block that EL0 cannot reach. The image is loaded here. */
export const DRIVER = 0x4020_0000;
export const VECTORS_EL1 = DRIVER + 0x1000;
export const VECTORS_EL2 = DRIVER + 0x1800;
/** Where the handlers keep registers: X_n at 8 n. */
export const SAVED_EL1 = DRIVER + 0x2000;
export const SAVED_EL2 = DRIVER + 0x2100;
/** The log's end, and the next run's descriptor. */
export const LOG_POINTER = DRIVER + 0x2200;
export const DESCRIPTOR_POINTER = DRIVER + 0x2208;
export const HANDLERS = DRIVER + 0x2800;
export const TABLES = DRIVER + 0x4000;
/** The streams' code: read-only for all levels. */
export const CODE = 0x4040_0000;
export const CODE_END = 0x4200_0000;
/** Descriptors of the runs, for EL2 only. */
export const DESCRIPTORS = CODE_END;
export const DESCRIPTORS_END = 0x4400_0000;
/** What the image reports, appended by its handlers. */
export const LOG = 0x4400_0000;
export const LOG_END = 0x4600_0000;
/** What the streams load and store. */
export const SCRATCH = 0x4600_0000;
export const SCRATCH_PAGES = 4;
export const RAM = { base: 0x4000_0000, mebibytes: 128 } as const;

/**
 * A descriptor, in 64-bit words: HCR_EL2, SCTLR_EL1, SCTLR_EL2, SPSR, entry, SP_EL0, SP_ELx, X0 to X30, FPCR, FPSR, V0 to V31,
 * CPACR_EL1, CPTR_EL2, TCR_EL2; HCR_EL2 = 0 ends the list.
 */
export const DESCRIPTOR_FPCR = 7 + 31;
export const DESCRIPTOR_VECTORS = DESCRIPTOR_FPCR + 2;
export const DESCRIPTOR_TRAPS = DESCRIPTOR_VECTORS + 2 * 32;
export const DESCRIPTOR_TRANSLATION = DESCRIPTOR_TRAPS + 2;
export const DESCRIPTOR_WORDS = DESCRIPTOR_TRANSLATION + 2;
/** Log entries, in 64-bit words; the first one tells the kind: the vector's number, or ENDED. */
export const EXCEPTION_WORDS = 6;
export const ENDED = 0x100;
/** After X0 to X30, the stack pointers and PSTATE: FPCR, FPSR, V0 to V31, and two words that depend on every byte of the scratch area. */
export const END_FPCR = 1 + 31 + 3 + 1;
export const END_VECTORS = END_FPCR + 2;
export const END_DIGEST = END_VECTORS + 2 * 32;
export const END_WORDS = END_DIGEST + 2;
