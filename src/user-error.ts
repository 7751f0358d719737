/** A user's mistake: one line that says what, where and what to do; the command line exits with 2. */
export class UserError extends Error {
  override readonly name = 'UserError';
}
