/** Rows of a record batch: small enough that a reader skips what it does not need. */
export const BATCH_ROWS = 65_536;
/** Fewer rows when they are long. Depends on the rows alone, so that files are reproducible. */
export const BATCH_BYTES = 2 ** 24;
